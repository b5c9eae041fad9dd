import { JsonText, parseJson, type JsonObject } from '@bulkhead/proto/json';
import { Decision, InvokeResponse } from '@bulkhead/proto/plugin';
import {
  applyChanges,
  decodePayload,
  type HookSpec,
  type Payload,
  type Violation,
} from '@bulkhead/proto/rules';
import type { LogLevelName } from '../logger.js';
import { violationFromWire } from '../runtime/wire-violation.js';

/** One line that the plugin logged. */
export interface TestLogLine {
  readonly level: LogLevelName;
  readonly message: string;
  readonly fields: JsonObject;
  readonly requestId: string;
}

/** What a call came to, as the host would judge it for a `sequential` plugin. */
export interface TestInvokeResult<P> {
  readonly allowed: boolean;
  /** After the changes that the hook's field policy keeps. */
  readonly payload: P;
  readonly violation: Violation | undefined;
  /** Fields whose change was kept. */
  readonly changed: readonly string[];
  /** Fields that the hook does not let a plugin change; their change was dropped. */
  readonly dropped: readonly string[];
  /** The plugin's state for this request id, after the call. */
  readonly state: JsonObject;
  /** Shared values for this request id, after the call. */
  readonly shared: JsonObject;
  /** What this call said with ctx.metadata. */
  readonly metadata: JsonObject;
  /** What was logged during this call. */
  readonly logs: readonly TestLogLine[];
}

/** Judges an answer as the host's pipeline does. */
export function judge(
  spec: HookSpec,
  payload: Payload,
  body: Uint8Array,
): Pick<TestInvokeResult<Payload>, 'allowed' | 'payload' | 'violation' | 'changed' | 'dropped'> & {
  readonly response: InvokeResponse;
} {
  const response = InvokeResponse.decode(body);
  if (response.decision === Decision.DECISION_DENY && response.violation !== undefined) {
    const violation = violationFromWire(response.violation);
    return { allowed: false, payload: plain(payload), violation, changed: [], dropped: [], response };
  }
  const { changed } = response;
  const changes = decodePayload(spec, response.payload, changed);
  const applied = applyChanges(spec, payload, changed, changes);
  return {
    allowed: true,
    payload: plain(applied.payload),
    violation: undefined,
    changed: applied.kept,
    dropped: applied.dropped,
    response,
  };
}

/** JSON values by name, from their texts. */
export function parseTexts(texts: Readonly<Record<string, string>>): JsonObject {
  return Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, parseJson(text)]));
}

function plain(payload: Payload): Payload {
  return Object.fromEntries(
    Object.entries(payload).map(([name, value]) => [
      name,
      value instanceof JsonText ? parseJson(value.text) : value,
    ]),
  );
}
