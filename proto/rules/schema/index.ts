export { checkManifest, type ManifestCheck, type PackageInfo } from './check-manifest.js';
export { createCostJudge } from './cheap-schema.js';
export {
  ANY_MAP,
  MAX_SCHEMA_CHARS,
  checkConfig,
  checkConfigSchema,
  checkedConfig,
  copyConfig,
  runConfigCheck,
  unusableSchema,
  type CheckConfigOptions,
  type CheckedConfig,
  type ConfigRun,
} from './check-config.js';
export type {
  Conditions,
  CustomHookDeclaration,
  HookDeclaration,
  Manifest,
  Maturity,
  Mode,
  OnError,
  Quality,
} from './manifest.js';
export {
  NO_PERMISSIONS,
  comparePermissions,
  includedScopes,
  intersectPermissions,
  permissionNames,
  permissionsOf,
  readPermissions,
  subtractPermissions,
  unitePermissions,
  writePermissions,
  type FilesystemPermission,
  type PermissionChange,
  type Permissions,
} from './permissions.js';
export { CONDITIONS_SCHEMA, MANIFEST_SCHEMA } from './manifest-schema.js';
export {
  formatPath,
  problemAt,
  type JsonSchema,
  type Keys,
  type SchemaNotice,
  type SchemaProblem,
} from './problem.js';
export { problemsFromAjv, type ProblemOptions } from './ajv-problems.js';
export { compileSchema, draftOf, type CompileOptions, type Draft } from './compile.js';
export { closeObjects, resolveLocal } from './closed-schema.js';
export {
  CONTEXT_PERMISSIONS,
  SCOPES,
  SCOPE_ALIASES,
  isScope,
  resolveScope,
  type Scope,
  type ScopeName,
} from './scopes.js';
export { API_CAPABILITIES, isApiCapability, type ApiCapability } from './capabilities.js';
export { didYouMean, nearest } from './nearest.js';
export { escapesPackage } from './package-path.js';
