// What a manifest says is judged by host and SDK alike, so its types live with the rules that both share.
export type {
  Conditions,
  CustomHookDeclaration,
  HookDeclaration,
  Manifest,
  Maturity,
  Mode,
  OnError,
  Quality,
} from '@bulkhead/proto/rules/schema';
