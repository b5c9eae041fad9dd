// What a manifest says is judged by host and SDK alike, so its types live with the rules that both share.
export type {
  Conditions,
  CustomHookDeclaration,
  Manifest,
  Maturity,
  Mode,
  OnError,
} from '@bulkhead/proto/rules/schema';
