/**
 * The closed set of error codes. docs/errors.md lists each one and a test holds the two together both ways.
 * A code that is no longer used is never given another meaning.
 */
export const ErrorCode = {
  // --- what a person wrote
  /** bulkhead.yaml, an overlay or an operator's file is not valid. `problems` lists every fault at once. */
  CONFIG_INVALID: 'CONFIG_INVALID',
  /** A manifest is not valid. `problems` lists every fault at once. */
  MANIFEST_INVALID: 'MANIFEST_INVALID',
  /** A directory holds no manifest, or more than one. */
  MANIFEST_NOT_FOUND: 'MANIFEST_NOT_FOUND',
  /** `plugin_type` is none of gateway, ai_studio, agent. */
  INVALID_PLUGIN_TYPE: 'INVALID_PLUGIN_TYPE',
  /** A key that must be there is missing. */
  MISSING_REQUIRED_FIELD: 'MISSING_REQUIRED_FIELD',
  /** A scope is not one that the host knows. */
  INVALID_SCOPE: 'INVALID_SCOPE',
  /** Two items of one plugin claim the same place in the UI. */
  DUPLICATE_UI_SLOT: 'DUPLICATE_UI_SLOT',
  /** A listed asset is not in the package. */
  ASSET_NOT_FOUND: 'ASSET_NOT_FOUND',
  /** A name in the configuration or on the command line fits no plugin. */
  PLUGIN_NOT_FOUND: 'PLUGIN_NOT_FOUND',
  /** A name in the configuration fits more than one plugin. */
  PLUGIN_AMBIGUOUS: 'PLUGIN_AMBIGUOUS',
  /** The manifest asks for a version of the host, of an API or of Node that is not this one. */
  INCOMPATIBLE: 'INCOMPATIBLE',

  // --- starting a plugin
  /** The operating system refused to start the process. */
  SPAWN_FAILED: 'SPAWN_FAILED',
  /** The process ended before it was ready, or while it served. */
  PLUGIN_EXITED: 'PLUGIN_EXITED',
  /** The first line on stdout is not a handshake. */
  HANDSHAKE_INVALID: 'HANDSHAKE_INVALID',
  /** The process was not ready within its start budget. */
  START_TIMEOUT: 'START_TIMEOUT',
  /** Host and plugin share no protocol version. Permanent: not tried again. */
  PROTOCOL_INCOMPATIBLE: 'PROTOCOL_INCOMPATIBLE',
  /** The plugin announced no certificate, a wrong one, or plaintext where mTLS is required. */
  CERTIFICATE_REFUSED: 'CERTIFICATE_REFUSED',
  /** The plugin announced an address outside its launch directory. */
  ADDRESS_REFUSED: 'ADDRESS_REFUSED',
  /** What the code registers and what the manifest declares differ. Permanent: not tried again. */
  REGISTRATION_MISMATCH: 'REGISTRATION_MISMATCH',
  /** The plugin's setup function failed. */
  SETUP_FAILED: 'SETUP_FAILED',
  /** The wall that is wanted cannot be had on this machine, or not be built around this plugin. */
  SANDBOX_UNAVAILABLE: 'SANDBOX_UNAVAILABLE',
  /** The process used up its memory: V8 gave up, or a limit ended it. */
  OUT_OF_MEMORY: 'OUT_OF_MEMORY',
  /** The process went past another of its limits (processes, disk) and was ended, or is not started. */
  LIMIT_EXCEEDED: 'LIMIT_EXCEEDED',
  /** The plugin sent the host frames, pings or calls without end that serve nothing, and was ended. */
  CONNECTION_FLOODED: 'CONNECTION_FLOODED',
  /** Nobody decided what the plugin may do, or it asks for more than when that was decided. Permanent until somebody does. */
  GRANT_MISSING: 'GRANT_MISSING',
  /** A stored grant cannot be read, or names what the plugin does not ask for. */
  GRANT_INVALID: 'GRANT_INVALID',

  // --- installing and verifying a plugin
  /** The source is not one that `install.sources` allows, or production has no such list. */
  SOURCE_NOT_ALLOWED: 'SOURCE_NOT_ALLOWED',
  /** The registry, or the package or version in it, could not be had. */
  FETCH_FAILED: 'FETCH_FAILED',
  /** The bytes of a package are not those that were pinned. */
  INTEGRITY_MISMATCH: 'INTEGRITY_MISMATCH',
  /** A package or dependency comes without a sha512, with a weaker hash only, or with none. */
  INTEGRITY_MISSING: 'INTEGRITY_MISSING',
  /** A dependency comes from a git repository, an address, a folder, or with the package itself. */
  DEPENDENCY_REFUSED: 'DEPENDENCY_REFUSED',
  /** The dependencies could not be resolved or installed. */
  DEPENDENCIES_FAILED: 'DEPENDENCIES_FAILED',
  /** The package or a dependency wants to run a script at install. */
  SCRIPT_REFUSED: 'SCRIPT_REFUSED',
  /** A lock cannot be read, or a file that it pins is not the pinned one. */
  LOCK_INVALID: 'LOCK_INVALID',
  /** What is asked for, or what is there, differs from the lock. */
  LOCK_MISMATCH: 'LOCK_MISMATCH',
  /** The plugin is not in the lock, and what is not locked does not run. */
  NOT_LOCKED: 'NOT_LOCKED',
  /** The manifest and package.json, or the manifest and the lock, disagree about what the package is. */
  MANIFEST_MISMATCH: 'MANIFEST_MISMATCH',
  /** The entry leaves the package, by its text or by a link, or is a hard link. */
  ENTRY_REFUSED: 'ENTRY_REFUSED',
  /** A file is a hard link, a link that leaves the package, or no file at all. */
  FILE_LINK_REFUSED: 'FILE_LINK_REFUSED',
  /** A file was changed after it was installed. */
  FILE_CHANGED: 'FILE_CHANGED',
  /** A file is there that was not installed. */
  FILE_ADDED: 'FILE_ADDED',
  /** A file that was installed is gone. */
  FILE_MISSING: 'FILE_MISSING',
  /** A file or folder belongs to a user who is neither the host's nor root. */
  FOREIGN_OWNER: 'FOREIGN_OWNER',
  /** Group or others may write a file or folder. */
  WRITABLE_BY_OTHERS: 'WRITABLE_BY_OTHERS',
  /** Another installer works on the same plugins directory. */
  INSTALL_BUSY: 'INSTALL_BUSY',
  /** A disk has no room left for what is installed. */
  DISK_FULL: 'DISK_FULL',
  /** There is no earlier environment to go back to. */
  NO_EARLIER_VERSION: 'NO_EARLIER_VERSION',

  // --- calling a plugin
  /** No process of the plugin can take the call: not started, down, unhealthy or quarantined. */
  PLUGIN_UNAVAILABLE: 'PLUGIN_UNAVAILABLE',
  /** The plugin's calls in flight and its queue are at their limits. */
  PLUGIN_OVERLOADED: 'PLUGIN_OVERLOADED',
  /** No answer within the deadline. */
  DEADLINE_EXCEEDED: 'DEADLINE_EXCEEDED',
  /** The caller went away, or a sibling's denial made the call needless. */
  CANCELLED: 'CANCELLED',
  /** The plugin's handler threw. */
  PLUGIN_ERROR: 'PLUGIN_ERROR',
  /** The handler's answer does not have the shape that its hook allows. */
  INVALID_ANSWER: 'INVALID_ANSWER',
  /** A message is larger than the link's limit, or has more than 100,000 fields. */
  MESSAGE_TOO_LARGE: 'MESSAGE_TOO_LARGE',
  /** The other side does not serve that method. */
  UNKNOWN_METHOD: 'UNKNOWN_METHOD',
  /** The bytes are not what the protocol says; the connection is given up. */
  PROTOCOL_ERROR: 'PROTOCOL_ERROR',
  /** A call outside the plugin's grant. */
  PERMISSION_DENIED: 'PERMISSION_DENIED',

  // --- what plugins ask of the host, and what operators keep in it
  /** The plugin or the app asks more often than its budget allows; the error says when to try again. */
  RATE_LIMITED: 'RATE_LIMITED',
  /** Nothing of that name or id is there, or nothing that the caller may see. */
  NOT_FOUND: 'NOT_FOUND',
  /** Something of that name or id is there already. */
  ALREADY_EXISTS: 'ALREADY_EXISTS',
  /** What is there is not what the caller has seen: its version, its etag or its kind differs. */
  CONFLICT: 'CONFLICT',
  /** A request's field is not valid; the error names it. */
  INVALID_ARGUMENT: 'INVALID_ARGUMENT',
  /** It would take more room, or more of something, than the caller has. */
  QUOTA_EXCEEDED: 'QUOTA_EXCEEDED',
  /** The store cannot be reached, or is closed. */
  STORE_UNAVAILABLE: 'STORE_UNAVAILABLE',
  /** The store has more to do than it takes, or another process or transaction is in the way; nothing was written. */
  STORE_BUSY: 'STORE_BUSY',
  /** The store's disk is full; nothing was written. */
  STORE_FULL: 'STORE_FULL',
  /** The store's file is damaged, or is no store. */
  STORE_CORRUPT: 'STORE_CORRUPT',
  /** The store was written by a newer release, or its migration failed. */
  STORE_INCOMPATIBLE: 'STORE_INCOMPATIBLE',
  /** The key that secrets are encrypted with is missing, or not the one that they were written with. */
  SECRET_KEY_INVALID: 'SECRET_KEY_INVALID',
  /** The chain of the audit log is broken; the error says where. */
  AUDIT_BROKEN: 'AUDIT_BROKEN',
  /** A data source could not be asked, or refused the query. */
  QUERY_FAILED: 'QUERY_FAILED',
  /** A tool could not be run, or its answer is not of its schema. */
  TOOL_FAILED: 'TOOL_FAILED',
  /** Policy denies the tool. */
  TOOL_DENIED: 'TOOL_DENIED',
  /** The call waits for an operator's approval; the error names its id. */
  APPROVAL_PENDING: 'APPROVAL_PENDING',
  /** An operator denied the call. */
  APPROVAL_DENIED: 'APPROVAL_DENIED',

  // --- calling the host
  /** No hook of that name is known. */
  UNKNOWN_HOOK: 'UNKNOWN_HOOK',
  /** The payload does not have the hook's shape. */
  INVALID_PAYLOAD: 'INVALID_PAYLOAD',
  /** A field's JSON text is larger than the hook's limit. */
  PAYLOAD_TOO_LARGE: 'PAYLOAD_TOO_LARGE',
  /** A plugin denied and gave no code of its own. */
  DENIED: 'DENIED',
  /** The request carries no credential, or one that nobody accepts. */
  UNAUTHENTICATED: 'UNAUTHENTICATED',
  /** The credential is good and does not allow this. */
  FORBIDDEN: 'FORBIDDEN',
  /** The Host header is not one of `allowed_hosts`. */
  HOST_NOT_ALLOWED: 'HOST_NOT_ALLOWED',
  /** The Origin header is not one of `allowed_hosts`. */
  ORIGIN_NOT_ALLOWED: 'ORIGIN_NOT_ALLOWED',
  /** Nothing is served under that method and path. */
  ROUTE_NOT_FOUND: 'ROUTE_NOT_FOUND',
  /** The body is not of a media type that is read here. */
  UNSUPPORTED_MEDIA_TYPE: 'UNSUPPORTED_MEDIA_TYPE',
  /** No upstream server of that name is configured. */
  UPSTREAM_NOT_FOUND: 'UPSTREAM_NOT_FOUND',
  /** The upstream server is down; it is being started again. */
  UPSTREAM_UNAVAILABLE: 'UPSTREAM_UNAVAILABLE',
  /** The host is going down and takes no new requests. */
  SHUTTING_DOWN: 'SHUTTING_DOWN',

  // --- operating the host
  /** A guard cannot run, so the daemon does not start. */
  GUARD_NOT_READY: 'GUARD_NOT_READY',
  /** No daemon answers on the control socket. */
  NOT_RUNNING: 'NOT_RUNNING',
  /** Another daemon uses the same data directory. */
  ALREADY_RUNNING: 'ALREADY_RUNNING',
  /** An address to listen on is taken or not to be had. */
  LISTEN_FAILED: 'LISTEN_FAILED',
  /** A script of a plugin author's package, its build or its tests, failed. */
  SCRIPT_FAILED: 'SCRIPT_FAILED',
  /** The command line is not one that the program knows. */
  USAGE: 'USAGE',
  /** A fault of Bulkhead itself. */
  INTERNAL: 'INTERNAL',
} as const;

export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode];

/** One fault in something that a person wrote. */
export interface Problem {
  readonly code: ErrorCode;
  /** What was expected, what came, what to do. */
  readonly message: string;
  /** Path of the key, for example `plugins.pii_filter.mode`. */
  readonly path?: string;
  readonly file?: string;
  /** 1-based. */
  readonly line?: number;
}

export interface BulkheadErrorOptions {
  readonly cause?: unknown;
  /** Whether the same attempt may succeed later without a change. Default: false. */
  readonly retryable?: boolean;
  /** How long to wait before that attempt, in milliseconds. */
  readonly retryAfterMs?: number;
  /** Of DENIED: who refused, and why. */
  readonly violation?: ErrorViolation;
  /** The field, method or key at fault. */
  readonly field?: string;
  readonly problems?: readonly Problem[];
  /** For people who read logs: exit code, signal, last stderr lines … Never shown to callers. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** A plugin's refusal, as an error tells of it. The error's message is the reason. */
export interface ErrorViolation {
  /** The configured entry's name. */
  readonly plugin: string;
  readonly code: string;
  /** More, for the caller. */
  readonly description?: string;
  /** 400 to 599. */
  readonly httpStatus?: number;
}

const BRAND = Symbol.for('bulkhead.error');

/** The one error type. Compare with `isBulkheadError`, never `instanceof`: a plugin carries its own copy of this class. */
export class BulkheadError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly violation: ErrorViolation | undefined;
  readonly field: string | undefined;
  readonly problems: readonly Problem[];
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: BulkheadErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'BulkheadError';
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.retryAfterMs = options.retryAfterMs;
    this.violation = options.violation;
    this.field = options.field;
    this.problems = options.problems ?? [];
    this.details = options.details ?? {};
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** Any thrown value as a BulkheadError; one that already is stays as it is. */
  static from(thrown: unknown, code: ErrorCode = ErrorCode.INTERNAL): BulkheadError {
    if (isBulkheadError(thrown)) return thrown;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return new BulkheadError(code, message, { cause: thrown });
  }
}

export function isBulkheadError(value: unknown): value is BulkheadError {
  return typeof value === 'object' && value !== null && BRAND in value;
}
