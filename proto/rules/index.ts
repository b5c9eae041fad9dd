export {
  HOOKS,
  HOOK_NAME,
  customHookSpec,
  isBuiltInHook,
  type ConditionKey,
  type CustomHook,
  type FieldKind,
  type FieldSpec,
  type HookFamily,
  type HookSpec,
} from './hook-table.js';
export type { HeaderMap, HookName, HookPayloads, User } from './hook-payloads.js';
export {
  checkPayload,
  decodePayload,
  describe,
  encodePayload,
  isPlainObject,
  parsePayload,
  type Payload,
} from './payload.js';
export { checkConditions } from './conditions.js';
export { checkFields, parseFieldPointer, type FieldPointer } from './field-pointer.js';
export { isReservedKey } from './reserved-keys.js';
export { toolResultOf } from './tool-result.js';
export { ENTRY_NAME, namesDirectory } from './entries.js';
export {
  DEFAULT_OBJECT_HOOK_PRIORITY,
  OBJECT_HOOKS,
  objectHookNames,
  pickObjectHooks,
  OBJECT_TYPES,
  readContributions,
  type CommandDeclaration,
  type Contributions,
  type JsonSchemaObject,
  type McpServerDeclaration,
  type ObjectHook,
  type ObjectHookDeclaration,
  type ObjectType,
  type RouteDeclaration,
  type RpcMethodDeclaration,
  type ScheduleDeclaration,
  type ToolDeclaration,
} from './contributions.js';
export {
  REGISTRATION_KINDS,
  assertRegistrations,
  declaredRegistrations,
  type Declared,
  type Registered,
  type RegistrationName,
} from './registrations.js';
export { utf8Length } from './payload-wire.js';
export {
  applyChanges,
  checkAnswer,
  checkViolation,
  headersFault,
  type Answer,
  type AppliedChanges,
  type CheckedAnswer,
  type Violation,
} from './answer.js';
export {
  EGRESS_REFUSAL_HEADER,
  canonicalHost,
  formatDestination,
  isGranted,
  isLoopbackHost,
  matchesName,
  networkRules,
  parseDestination,
  parseNetworkRule,
  parsePrivateRule,
  type Destination,
  type NetworkRule,
  type ParsedRule,
  type PrivateRule,
} from './network.js';
export type {
  AppObject,
  DatasourceObject,
  HttpJsonSourceObject,
  LlmObject,
  ObjectBase,
  ObjectShapes,
  ToolObject,
  ToolOperationObject,
  UserObject,
} from './objects/shapes.js';
export { CREDENTIAL_FIELDS, FILTER_FIELDS, OBJECT_SCHEMAS, UNIQUE_FIELD } from './objects/schemas.js';
export { OBJECT_ID_PATTERN } from './objects/schema-parts.js';
export {
  hashCredential,
  invalidObject,
  notesKey,
  parseObject,
  reviveObject,
  type ObjectIdentity,
} from './objects/parse-object.js';
export { REDACTED_SECRET, isRedacted, mapSecrets, redactObject, restoreSecrets } from './objects/secrets.js';
export {
  MAX_NOTES_CHARS,
  changedFields,
  checkNotes,
  checkObjectAnswer,
  withNotes,
  type CheckedObjectAnswer,
  type Notes,
  type ObjectAnswer,
} from './objects/object-answer.js';
export {
  OBJECT_MESSAGES,
  decodeToolOperation,
  encodeToolOperation,
  type MessageCodec,
  type ObjectMessages,
  type WrittenObject,
} from './objects/messages.js';
export { placesOf } from './objects/url-template.js';
export { parsePostgresUrl, type ParsedPostgresUrl, type PostgresAddress } from './objects/postgres-url.js';
