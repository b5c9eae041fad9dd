import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { InvokeRequest, InvokeResponse } from '@bulkhead/proto/plugin';
import {
  HOOKS,
  checkAnswer,
  customHookSpec,
  decodePayload,
  encodePayload,
  isBuiltInHook,
  type HookSpec,
  type Payload,
} from '@bulkhead/proto/rules';
import { JsonText, parseJson, stringifyJson } from '@bulkhead/proto/json';
import type { ContextPermission, DispatchEntry, PluginPort, Registration } from './port.js';

type PortOptions = Parameters<PluginPort['invoke']>[1];

/** What a test's handler sees of a call. JSON fields are parsed. */
export interface Seen {
  readonly hook: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly request: InvokeRequest;
  readonly options: PortOptions;
}

/** What a test's handler may give: an answer as the SDK makes it, and entries to store. */
export interface Given {
  readonly answer?: unknown;
  readonly state?: Readonly<Record<string, unknown>>;
  readonly shared?: Readonly<Record<string, unknown>>;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

export type Handler = (seen: Seen) => Given | undefined | Promise<Given | undefined>;

export const modify = (changes: Readonly<Record<string, unknown>>): Given => ({
  answer: { kind: 'modify', changes },
});
export const deny = (code: string, more: Readonly<Record<string, unknown>> = {}): Given => ({
  answer: { kind: 'deny', violation: { code, reason: `because ${code}`, ...more } },
});

/** An answer as the wire has it when a plugin has no opinion. */
export function allowResponse(): InvokeResponse {
  return {
    decision: 0,
    changed: [],
    payload: new Uint8Array(0),
    violation: undefined,
    state: {},
    shared: {},
    metadata: {},
  };
}

/** A port over a plain function that speaks the wire's messages, as the SDK does. */
export function functionPort(
  name: string,
  handler: Handler,
  options: {
    permissions?: readonly ContextPermission[];
    specs?: readonly HookSpec[];
    batches?: InvokeRequest[][];
  } = {},
): PluginPort {
  const specOf = (hook: string): HookSpec =>
    isBuiltInHook(hook)
      ? HOOKS[hook]
      : (options.specs?.find((spec) => spec.name === hook) ?? customHookSpec({ name: hook, members: [] }));
  return {
    name,
    id: `test.${name}`,
    version: '1.2.3',
    contextPermissions: new Set(options.permissions ?? []),
    async invoke(request, callOptions) {
      const spec = specOf(request.hook);
      const payload = plain(decodePayload(spec, request.payload));
      const given = await raced(
        handler({ hook: request.hook, payload, request, options: callOptions }),
        callOptions.signal,
      );
      return toResponse(spec, given);
    },
    invokeBatch(requests) {
      options.batches?.push([...requests]);
      return Promise.resolve();
    },
  };
}

/** A port settles when its signal aborts, whatever the plugin does. */
function raced<T>(work: T | Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return Promise.resolve(work);
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      reject(new BulkheadError(ErrorCode.CANCELLED, 'the call was cancelled'));
    };
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    Promise.resolve(work).then(resolve, reject);
  });
}

export function plain(payload: Payload): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(payload).map(([name, value]) => [
      name,
      value instanceof JsonText ? parseJson(value.text) : value,
    ]),
  );
}

function toResponse(spec: HookSpec, given: Given | undefined): InvokeResponse {
  const response = allowResponse();
  response.state = texts(given?.state);
  response.shared = texts(given?.shared);
  response.metadata = texts(given?.metadata);
  const answer = checkAnswer(spec, given?.answer);
  if (answer.kind === 'modify') {
    response.decision = 1;
    response.changed = [...answer.changed];
    response.payload = encodePayload(spec, answer.changes);
  } else if (answer.kind === 'deny') {
    const { violation } = answer;
    response.decision = 2;
    response.violation = {
      code: violation.code,
      reason: violation.reason,
      description: violation.description ?? '',
      detailsJson: violation.details === undefined ? '' : stringifyJson(violation.details),
      httpStatusCode: violation.http_status_code ?? 0,
      httpHeaders: { ...violation.http_headers },
      mcpErrorCode: violation.mcp_error_code ?? 0,
    };
  }
  return response;
}

function texts(entries: Readonly<Record<string, unknown>> = {}): Record<string, string> {
  return Object.fromEntries(
    Object.entries(entries).map(([name, value]) => [name, value === undefined ? '' : stringifyJson(value)]),
  );
}

export function registration(hook: string, more: Partial<Registration> = {}): Registration {
  return {
    hook,
    mode: 'sequential',
    priority: 100,
    onError: 'fail',
    timeoutMs: 5_000,
    conditions: [],
    idempotent: false,
    ...more,
  };
}

/** One plugin with one registration. */
export function entry(port: PluginPort, hook: string, more: Partial<Registration> = {}): DispatchEntry {
  return { port, registrations: [registration(hook, more)] };
}
