import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import {
  JsonText,
  MAX_JSON_DEPTH,
  isDeeperThan,
  parseJson,
  stringifyJson,
  type JsonObject,
  type JsonValue,
} from '@bulkhead/proto/json';
import { Decision, type InvokeResponse, type Violation as WireViolation } from '@bulkhead/proto/plugin';
import {
  checkViolation,
  decodePayload,
  headersFault,
  isReservedKey,
  utf8Length,
  type HookSpec,
  type Payload,
} from '@bulkhead/proto/rules';
import { assertFits } from './custom-hooks.js';
import type { HookPlan, Step } from './hook-index.js';
import { exceedsSelection, mergeFields, type SelectionTree } from './field-selection.js';
import type { HostViolation } from './invocation.js';

/** A plugin's answer after every check that does not depend on its mode. */
export type PluginAnswer =
  | { readonly kind: 'allow' }
  | { readonly kind: 'modify'; readonly changed: readonly string[]; readonly changes: Payload }
  | { readonly kind: 'deny'; readonly violation: HostViolation };

const ALLOW: PluginAnswer = { kind: 'allow' };

/** Names in `changed`; more than any hook has fields, custom ones too. */
const MAX_CHANGED = 1_000;
/** Characters of a plugin's text that an error quotes. */
const MAX_QUOTE = 100;
/** What a denial tells logs and records. */
const MAX_DETAILS_BYTES = 64 * 1024;
/** Metadata of one run, names and JSON texts together. */
const MAX_METADATA_BYTES = 64 * 1024;

/**
 * Reads an answer and checks it: known decision, fields that the hook has, JSON that parses, a whole violation.
 *
 * @throws BulkheadError INVALID_ANSWER
 */
export function readAnswer(plan: HookPlan, plugin: string, response: InvokeResponse): PluginAnswer {
  switch (response.decision) {
    case Decision.DECISION_UNSPECIFIED:
      return ALLOW;
    case Decision.DECISION_MODIFY:
      return response.changed.length === 0 ? ALLOW : readChanges(plan, response);
    case Decision.DECISION_DENY:
      return { kind: 'deny', violation: readViolation(plan.spec, plugin, response.violation) };
    default:
      throw wrong(plan.spec, `expected a decision from 0 to 2, got ${String(response.decision)}`);
  }
}

function readChanges(plan: HookPlan, response: InvokeResponse): PluginAnswer {
  const { spec, maxFieldBytes } = plan;
  const { changed } = response;
  if (new Set(changed.slice(0, MAX_CHANGED)).size !== changed.length) {
    throw wrong(spec, 'changed names a field twice, or more fields than any payload has');
  }
  for (const name of changed) {
    if (!Object.hasOwn(spec.fields, name)) {
      throw wrong(
        spec,
        `changed names '${name.slice(0, MAX_QUOTE)}'; the payload has ${Object.keys(spec.fields).join(', ')}`,
      );
    }
  }
  let changes: Payload;
  try {
    changes = decodePayload(spec, response.payload, changed);
  } catch (error) {
    throw wrong(spec, 'the changed payload cannot be decoded', error);
  }
  for (const name of changed) {
    const value = changes[name];
    if (value === undefined) throw wrong(spec, `changed names '${name}', and the payload does not carry it`);
    if (spec.fields[name]?.kind === 'headers') {
      const fault = headersFault(value as object);
      if (fault !== undefined) throw wrong(spec, `the change of '${name}': ${fault}`);
    }
    if (!(value instanceof JsonText)) continue;
    const bytes = bytesAbove(value.text, maxFieldBytes);
    if (bytes !== undefined) {
      throw wrong(
        spec,
        `the change of '${name}' is ${String(bytes)} bytes of JSON; the hook's limit is ${String(maxFieldBytes)}`,
      );
    }
    if (isDeeperThan(value.text, MAX_JSON_DEPTH)) {
      throw wrong(spec, `the change of '${name}' nests deeper than ${String(MAX_JSON_DEPTH)} levels`);
    }
    try {
      JSON.parse(value.text);
    } catch (error) {
      throw wrong(spec, `the change of '${name}' is not JSON`, error);
    }
  }
  return { kind: 'modify', changed, changes };
}

/** Bytes of a field's JSON text when they are above `limit`, else undefined. */
export function bytesAbove(text: string, limit: number): number | undefined {
  // A UTF-16 unit is at most three bytes of UTF-8, so most texts need not be measured.
  if (text.length * 3 <= limit) return undefined;
  const bytes = utf8Length(text);
  return bytes > limit ? bytes : undefined;
}

function readViolation(spec: HookSpec, plugin: string, wire: WireViolation | undefined): HostViolation {
  const violation = checkViolation(spec, {
    code: wire === undefined || wire.code === '' ? ErrorCode.DENIED : wire.code,
    reason:
      wire === undefined || wire.reason === ''
        ? `Refused by plugin '${plugin}', which gave no reason.`
        : wire.reason,
    ...(wire === undefined || wire.description === '' ? {} : { description: wire.description }),
    ...(wire === undefined || wire.detailsJson === ''
      ? {}
      : { details: parseDetails(spec, wire.detailsJson) }),
    ...(wire === undefined || wire.httpStatusCode === 0 ? {} : { http_status_code: wire.httpStatusCode }),
    ...(wire === undefined || Object.keys(wire.httpHeaders).length === 0
      ? {}
      : { http_headers: wire.httpHeaders }),
    ...(wire === undefined || wire.mcpErrorCode === 0 ? {} : { mcp_error_code: wire.mcpErrorCode }),
  });
  return { ...violation, plugin };
}

function parseDetails(spec: HookSpec, text: string): unknown {
  if (bytesAbove(text, MAX_DETAILS_BYTES) !== undefined || isDeeperThan(text, MAX_JSON_DEPTH)) {
    throw wrong(
      spec,
      `violation.details may be ${String(MAX_DETAILS_BYTES)} bytes of JSON, ${String(MAX_JSON_DEPTH)} levels deep`,
    );
  }
  try {
    return parseJson(text);
  } catch (error) {
    throw wrong(spec, 'violation.details is not JSON', error);
  }
}

/** A violation in its wire form, for the outcome that fire_and_forget plugins see. */
export function writeViolation(violation: HostViolation): WireViolation {
  return {
    code: violation.code,
    reason: violation.reason,
    description: violation.description ?? '',
    detailsJson: violation.details === undefined ? '' : stringifyJson(violation.details),
    httpStatusCode: violation.http_status_code ?? 0,
    httpHeaders: { ...violation.http_headers },
    mcpErrorCode: violation.mcp_error_code ?? 0,
  };
}

export interface AppliedAnswer {
  readonly payload: Payload;
  readonly kept: readonly string[];
  readonly dropped: readonly string[];
  /** Settles when the payload is known to fit its hook's schema; absent: it does. */
  readonly checked?: Promise<void>;
}

/**
 * Applies a change under the hook's field policy, the plugin's header permission and its `fields`.
 * A plugin that may write headers without reading them adds to them: it cannot remove what it does not see.
 *
 * @throws BulkheadError INVALID_ANSWER when a custom payload would no longer fit its schema, or would be too large; the
 * former may also be the rejection of `checked`
 */
export function applyAnswer(
  plan: HookPlan,
  step: Step,
  payload: Payload,
  changed: readonly string[],
  changes: Payload,
): AppliedAnswer {
  const kept: string[] = [];
  const dropped: string[] = [];
  const next: Record<string, unknown> = { ...payload };
  for (const name of changed) {
    const field = plan.spec.fields[name];
    const value = changes[name];
    if (field?.writable !== true || !mayChange(plan, step, name)) dropped.push(name);
    else if (field.kind === 'headers') {
      next[name] = step.view.headers ? value : { ...(payload[name] as object), ...(value as object) };
      kept.push(name);
    } else {
      const tree = step.view.selection?.get(name);
      if (tree === undefined || !(value instanceof JsonText)) {
        next[name] = value;
        kept.push(name);
      } else mergeInto(plan, next, name, tree, value, kept, dropped);
    }
  }
  if (kept.length === 0) return { payload, kept, dropped };
  const applied = { payload: next, kept, dropped };
  if (plan.check === undefined) return applied;
  const checked = assertFits(plan.check, next, (fault) =>
    wrong(plan.spec, `the changed payload does not fit the hook's schema: ${fault}`),
  );
  return checked === undefined ? applied : { ...applied, checked };
}

function mayChange(plan: HookPlan, step: Step, name: string): boolean {
  if (plan.spec.fields[name]?.kind === 'headers') return step.writesHeaders;
  const { selection } = step.view;
  return selection === undefined || plan.spec.family !== 'custom' || selection.has(name);
}

function mergeInto(
  plan: HookPlan,
  next: Record<string, unknown>,
  name: string,
  tree: SelectionTree | true,
  value: JsonText,
  kept: string[],
  dropped: string[],
): void {
  const before = next[name];
  const changed = parseJson(value.text);
  const merged = before instanceof JsonText ? mergeFields(tree, parseJson(before.text), changed) : changed;
  const text = stringifyJson(merged);
  if (bytesAbove(text, plan.maxFieldBytes) !== undefined) {
    throw wrong(
      plan.spec,
      `'${name}' would be larger than the hook's limit of ${String(plan.maxFieldBytes)} bytes of JSON`,
    );
  }
  if (exceedsSelection(tree, merged, changed)) dropped.push(name);
  if (before instanceof JsonText && stringifyJson(parseJson(before.text)) === text) return;
  next[name] = new JsonText(text);
  kept.push(name);
}

/** A run's metadata, checked, with the names that are reserved to the host. */
export function readMetadata(
  spec: HookSpec,
  metadata: Readonly<Record<string, string>>,
): { readonly values: JsonObject; readonly refused: readonly string[] } {
  const values: Record<string, JsonValue> = {};
  const refused: string[] = [];
  let bytes = 0;
  for (const [name, text] of Object.entries(metadata)) {
    bytes += utf8Length(name) + utf8Length(text);
    if (bytes > MAX_METADATA_BYTES) {
      throw wrong(
        spec,
        `metadata of one run may be ${String(MAX_METADATA_BYTES)} bytes, names and values together`,
      );
    }
    if (isReservedKey(name)) refused.push(name.slice(0, MAX_QUOTE));
    else {
      if (isDeeperThan(text, MAX_JSON_DEPTH)) {
        throw wrong(spec, `metadata '${name}' nests deeper than ${String(MAX_JSON_DEPTH)} levels`);
      }
      try {
        values[name] = parseJson(text);
      } catch (error) {
        throw wrong(spec, `metadata '${name}' is not JSON`, error);
      }
    }
  }
  return { values, refused };
}

function wrong(spec: HookSpec, what: string, cause?: unknown): BulkheadError {
  return new BulkheadError(ErrorCode.INVALID_ANSWER, `answer to ${spec.name}: ${what}`, { cause });
}
