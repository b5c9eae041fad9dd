import { BulkheadError, ErrorCode } from '../errors.js';
import { describe, isPlainObject, toTravelling, type Payload } from './payload.js';
import type { HookSpec } from './hook-table.js';

/** Why a plugin refuses. */
export interface Violation {
  /** Machine readable, UPPER_SNAKE_CASE. */
  readonly code: string;
  /** One sentence for the caller. */
  readonly reason: string;
  /** More for the caller. */
  readonly description?: string;
  /** For logs and records; never shown to the caller unless the operator says so. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** 400 to 599. */
  readonly http_status_code?: number;
  readonly http_headers?: Readonly<Record<string, string>>;
  /** The JSON-RPC error code through MCP. Default: -32050. */
  readonly mcp_error_code?: number;
}

/** What a handler may return: nothing, or one of these. Made by the SDK's `modify` and `deny`. */
export type Answer =
  | { readonly kind: 'modify'; readonly changes: Readonly<Record<string, unknown>> }
  | { readonly kind: 'deny'; readonly violation: Violation };

/** A checked answer; the changes are in travelling form. */
export type CheckedAnswer =
  | { readonly kind: 'allow' }
  | { readonly kind: 'modify'; readonly changed: readonly string[]; readonly changes: Payload }
  | { readonly kind: 'deny'; readonly violation: Violation };

const ALLOW: CheckedAnswer = { kind: 'allow' };
/** Of a violation's texts for the caller, in UTF-16 units. */
const MAX_REASON = 4_096;
const MAX_DESCRIPTION = 16_384;
const MAX_HEADERS = 200;
const MAX_HEADER_VALUE = 16_384;
const MAX_MCP_CODE = 0x7fff_ffff;
const VIOLATION_KEYS = new Set([
  'code',
  'reason',
  'description',
  'details',
  'http_status_code',
  'http_headers',
  'mcp_error_code',
]);

/**
 * Checks what a handler returned. The one place that decides which answers are well-formed, for the real host and the test harness alike.
 *
 * @throws BulkheadError INVALID_ANSWER that says what was expected and what came
 */
export function checkAnswer(spec: HookSpec, answer: unknown): CheckedAnswer {
  if (answer === undefined || answer === null) return ALLOW;
  if (!isPlainObject(answer) || (answer['kind'] !== 'modify' && answer['kind'] !== 'deny')) {
    throw wrong(spec, `expected nothing, modify({…}) or deny({…}), got ${describe(answer)}`);
  }
  if (answer['kind'] === 'deny')
    return { kind: 'deny', violation: checkViolation(spec, answer['violation']) };
  const changes = answer['changes'];
  if (!isPlainObject(changes))
    throw wrong(spec, `modify takes an object of fields, got ${describe(changes)}`);
  const travelling: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) continue;
    try {
      travelling[name] = toTravelling(spec, name, value);
    } catch (error) {
      throw wrong(spec, `modify: ${error instanceof Error ? error.message : String(error)}`, error);
    }
    const fault =
      spec.fields[name]?.kind === 'headers' && isPlainObject(value) ? headersFault(value) : undefined;
    if (fault !== undefined) throw wrong(spec, `modify: field '${name}': ${fault}`);
  }
  const changed = Object.keys(travelling);
  return changed.length === 0 ? ALLOW : { kind: 'modify', changed, changes: travelling };
}

/**
 * Checks a violation, wherever it came from.
 *
 * @throws BulkheadError INVALID_ANSWER
 */
export function checkViolation(spec: Pick<HookSpec, 'name'>, value: unknown): Violation {
  if (!isPlainObject(value))
    throw wrong(spec, `deny takes a violation {code, reason, …}, got ${describe(value)}`);
  for (const key of Object.keys(value)) {
    if (!VIOLATION_KEYS.has(key)) throw wrong(spec, `violation: unknown key '${key}'`);
  }
  const {
    code,
    reason,
    description,
    details,
    http_status_code: status,
    http_headers: headers,
    mcp_error_code: mcp,
  } = value;
  if (typeof code !== 'string' || !/^[A-Za-z][A-Za-z0-9_.-]{0,99}$/.test(code)) {
    throw wrong(spec, `violation.code: expected a name such as TOOL_NOT_ALLOWED, got ${describe(code)}`);
  }
  if (typeof reason !== 'string' || reason === '') {
    throw wrong(spec, `violation.reason: expected a sentence, got ${describe(reason)}`);
  }
  if (reason.length > MAX_REASON) {
    throw wrong(spec, `violation.reason: expected at most ${MAX_REASON} characters, got ${reason.length}`);
  }
  if (description !== undefined && typeof description !== 'string') {
    throw wrong(spec, `violation.description: expected a string, got ${describe(description)}`);
  }
  if (description !== undefined && description.length > MAX_DESCRIPTION) {
    throw wrong(
      spec,
      `violation.description: expected at most ${MAX_DESCRIPTION} characters, got ${description.length}`,
    );
  }
  if (details !== undefined && !isPlainObject(details)) {
    throw wrong(spec, `violation.details: expected an object, got ${describe(details)}`);
  }
  if (status !== undefined && !isWholeNumber(status, 400, 599)) {
    throw wrong(spec, `violation.http_status_code: expected 400 to 599, got ${describe(status)}`);
  }
  if (headers !== undefined && !isStringMap(headers)) {
    throw wrong(spec, `violation.http_headers: expected an object of strings, got ${describe(headers)}`);
  }
  const badHeader = headers === undefined ? undefined : headersFault(headers);
  if (badHeader !== undefined) throw wrong(spec, `violation.http_headers: ${badHeader}`);
  if (mcp !== undefined && !isWholeNumber(mcp, -MAX_MCP_CODE, MAX_MCP_CODE)) {
    throw wrong(spec, `violation.mcp_error_code: expected a whole number, got ${describe(mcp)}`);
  }
  return {
    code,
    reason,
    ...(description === undefined ? {} : { description }),
    ...(details === undefined ? {} : { details }),
    ...(status === undefined ? {} : { http_status_code: status }),
    ...(headers === undefined ? {} : { http_headers: headers }),
    ...(mcp === undefined ? {} : { mcp_error_code: mcp }),
  };
}

function isWholeNumber(value: unknown, min: number, max: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;
}

function isStringMap(value: unknown): value is Readonly<Record<string, string>> {
  return isPlainObject(value) && Object.values(value).every((item) => typeof item === 'string');
}

/** What is wrong with headers that would stand in an HTTP message as they are; undefined: nothing. */
export function headersFault(headers: object): string | undefined {
  const entries: [string, unknown][] = Object.entries(headers);
  if (entries.length > MAX_HEADERS) return `expected at most ${MAX_HEADERS}, got ${entries.length}`;
  for (const [name, value] of entries) {
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/.test(name)) return `${describe(name)} is no header name`;
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(String(value)) || String(value).length > MAX_HEADER_VALUE) {
      return `'${name}': expected at most ${MAX_HEADER_VALUE} characters without line ends and control characters`;
    }
  }
  return undefined;
}

function wrong(spec: Pick<HookSpec, 'name'>, what: string, cause?: unknown): BulkheadError {
  return new BulkheadError(ErrorCode.INVALID_ANSWER, `answer to ${spec.name}: ${what}`, { cause });
}

/** What became of a plugin's changes under the hook's field policy. */
export interface AppliedChanges {
  readonly payload: Payload;
  /** Fields whose change was kept. */
  readonly kept: readonly string[];
  /** Fields that the hook does not list as writable; their change is dropped. */
  readonly dropped: readonly string[];
}

/** Applies changes under the hook's field policy. Emptying a list or an object is a change like any other. */
export function applyChanges(
  spec: HookSpec,
  payload: Payload,
  changed: readonly string[],
  changes: Payload,
): AppliedChanges {
  const kept: string[] = [];
  const dropped: string[] = [];
  const next: Record<string, unknown> = { ...payload };
  for (const name of changed) {
    if (spec.fields[name]?.writable === true && changes[name] !== undefined) {
      next[name] = changes[name];
      kept.push(name);
    } else dropped.push(name);
  }
  return { payload: kept.length === 0 ? payload : next, kept, dropped };
}
