import { randomUUID } from 'node:crypto';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { parseJson, stringifyJson, type JsonObject } from '@bulkhead/proto/json';
import {
  HealthState,
  InvokeBatchRequest,
  InvokeRequest,
  type InitializeRequest,
} from '@bulkhead/proto/plugin';
import {
  encodePayload,
  isPlainObject,
  parsePayload,
  type ObjectHook,
  type ObjectShapes,
  type ObjectType,
} from '@bulkhead/proto/rules';
import { checkConfig, includedScopes, type Manifest } from '@bulkhead/proto/rules/schema';
import type { HealthAnswer } from '../answers.js';
import type { PluginDefinition } from '../define-plugin.js';
import type { AnyHookName, HookPayload } from '../hook-handlers.js';
import { systemClock } from '../runtime/clock.js';
import { CurrentCall } from '../runtime/current-call.js';
import type { LogRecord } from '../runtime/plugin-log.js';
import { PluginRuntime } from '../runtime/plugin-runtime.js';
import { createContextMessage, createOutcomeMessage, type TestContext } from './call-context-message.js';
import { callWithDeadline } from './call-with-deadline.js';
import { judge, parseTexts, type TestInvokeResult, type TestLogLine } from './invoke-result.js';
import { readManifest } from './read-manifest.js';
import { RequestValues } from './request-values.js';
import { createTestContributions, type TestContributions } from './test-contributions.js';
import { createTestHooks } from './test-hooks.js';
import { createTestNetwork, type TestNetwork } from './test-network.js';
import { callObjectHook, type TestObjectResult, type TestOperation } from './test-object-hook.js';
import { createTestHost, type TestHost, type TestHostContents } from './test-host.js';
import type { TwinPlugin } from './twins/twin-methods.js';

const DEFAULT_TIMEOUT_MS = 5_000;
const DRAIN_TIMEOUT_MS = 1_000;

export interface TestPluginOptions extends TestHostContents {
  /** The manifest, or the path or file URL of one. */
  readonly manifest: object | string | URL;
  /** What an operator would write; defaults are filled in from the manifest's `config_schema`. */
  readonly config?: JsonObject;
  /** For every call; a call's own context wins key by key. */
  readonly context?: TestContext;
  /** The configured entry's name. Default: the manifest's. */
  readonly name?: string;
  /** What setup gets as `dataDir`. Default: none. */
  readonly dataDir?: string;
  /** What answers the plugin's requests and connections, as far as its manifest asks for them. Default: nothing does. */
  readonly network?: TestNetwork;
  /** What an operator granted of what the manifest asks for. Default: all of it. */
  readonly grants?: TestGrants;
}

export interface TestGrants {
  /** Of `permissions.services`. */
  readonly scopes?: readonly string[];
  /** Of `permissions.context`. */
  readonly context?: readonly string[];
  /** Of `permissions.secrets`. */
  readonly secrets?: readonly string[];
}

/** A plugin under test, in this process, behind the same checks as in the host. */
export interface TestPlugin extends TestContributions {
  /**
   * Runs one hook.
   *
   * @throws BulkheadError INVALID_PAYLOAD, PLUGIN_ERROR, INVALID_ANSWER, DEADLINE_EXCEEDED, CANCELLED, as a rejection
   */
  invoke<Name extends AnyHookName>(
    hook: Name,
    payload: Partial<HookPayload<Name>>,
    context?: TestContext,
  ): Promise<TestInvokeResult<HookPayload<Name>>>;
  /** Runs a batch, as the host does for a `fire_and_forget` hook that asks for batches. */
  invokeBatch<Name extends AnyHookName>(
    hook: Name,
    items: readonly { readonly payload: Partial<HookPayload<Name>>; readonly context?: TestContext }[],
  ): Promise<void>;
  /**
   * Runs one object hook.
   *
   * @throws BulkheadError UNKNOWN_HOOK, PLUGIN_ERROR, INVALID_ANSWER, DEADLINE_EXCEEDED, CANCELLED, as a rejection
   */
  objectHook<Type extends ObjectType>(
    type: Type,
    hook: ObjectHook,
    object: Partial<ObjectShapes[Type]>,
    operation?: TestOperation<Type>,
  ): Promise<TestObjectResult<Type>>;
  health(): Promise<HealthAnswer>;
  /** Drains and runs the plugin's shutdown; a second call waits for the first. */
  shutdown(): Promise<void>;
  /** What the plugin made of the host. */
  readonly host: TestHost;
  /** Every line so far. */
  readonly logs: readonly TestLogLine[];
}

/**
 * Sets a plugin up in this process, as the host would: manifest and configuration are checked by the host's rules, and what
 * setup returns is held against the manifest.
 *
 * @throws BulkheadError MANIFEST_INVALID, CONFIG_INVALID, SETUP_FAILED, REGISTRATION_MISMATCH, as a rejection
 */
export async function testPlugin(plugin: PluginDefinition, options: TestPluginOptions): Promise<TestPlugin> {
  const manifest = await readManifest(options.manifest);
  const config = assertConfig(manifest, options.config);
  const logs: TestLogLine[] = [];
  const grants = {
    scopes: options.grants?.scopes ?? manifest.permissions.services,
    context: options.grants?.context ?? manifest.permissions.context,
    secrets: options.grants?.secrets ?? manifest.permissions.secrets,
  };
  const own: TwinPlugin = {
    name: options.name ?? manifest.name,
    id: manifest.id,
    scopes: includedScopes(grants.scopes),
  };
  const { host, transport } = createTestHost({
    plugin: own,
    manifest,
    grantedSecrets: grants.secrets,
    contents: options,
    runSchedule: (name, runId) => contributions.schedule(name, { runId }),
  });
  const calls = new CurrentCall(systemClock);
  const runtime = new PluginRuntime({
    load: () => Promise.resolve(plugin),
    sink: (record) => {
      logs.push(toLine(record));
    },
    clock: systemClock,
    calls,
    transport,
    network: () =>
      Promise.resolve(
        createTestNetwork(manifest.permissions.network, options.network ?? {}, { clock: systemClock, calls }),
      ),
  });
  const timeoutMs = manifest.limits.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const contributions = createTestContributions({
    runtime,
    manifest,
    timeoutMs,
    context: options.context ?? {},
    grantedContext: grants.context,
    patterns: () => host.events.patterns,
  });
  await runtime.initialize(initializeRequest(manifest, config, own, options));
  const values = new RequestValues();
  const hooks = createTestHooks(manifest);

  const prepare = (hook: string, given: unknown, own: TestContext | undefined) => {
    const context = { ...options.context, ...own };
    const { spec, assertPayload } = hooks(hook, given);
    const payload = parsePayload(spec, given);
    assertPayload(payload, ErrorCode.INVALID_PAYLOAD);
    const requestId = context.requestId ?? randomUUID();
    const request: InvokeRequest = {
      hook,
      payload: encodePayload(spec, payload),
      context: createContextMessage(requestId, context, grants.context),
      state: values.of(requestId).state,
      shared: values.of(requestId).shared,
      outcome: createOutcomeMessage(context.outcome),
    };
    return { spec, assertPayload, payload, requestId, request, context };
  };

  return {
    logs,
    host,
    ...contributions,
    objectHook: (type, hook, object, operation = {}) =>
      callObjectHook(
        { runtime, timeoutMs, readsUser: grants.context.includes('read_user') },
        type,
        hook,
        object,
        operation,
      ),
    async invoke<Name extends AnyHookName>(hook: Name, given: Partial<HookPayload<Name>>, own?: TestContext) {
      const { spec, assertPayload, payload, requestId, request, context } = prepare(hook, given, own);
      const from = logs.length;
      const body = await callWithDeadline(
        (incoming) => runtime.invoke(InvokeRequest.encode(request).finish(), incoming),
        {
          timeoutMs: context.timeoutMs ?? timeoutMs,
          signal: context.signal,
          traceparent: context.traceparent,
        },
      );
      const { response, ...judged } = judge(spec, payload, body);
      assertPayload(judged.payload, ErrorCode.INVALID_ANSWER);
      const kept = values.keep(requestId, response);
      return {
        ...judged,
        payload: judged.payload as HookPayload<Name>,
        state: parseTexts(kept.state),
        shared: parseTexts(kept.shared),
        metadata: parseTexts(response.metadata),
        logs: logs.slice(from),
      };
    },
    async invokeBatch(hook, items) {
      const requests = items.map(({ payload, context }) => prepare(hook, payload, context).request);
      await callWithDeadline(
        (incoming) => runtime.invokeBatch(InvokeBatchRequest.encode({ requests }).finish(), incoming),
        { timeoutMs, signal: undefined, traceparent: undefined },
      );
    },
    async health() {
      const { state, message } = await runtime.health();
      if (state === HealthState.HEALTH_STATE_DEGRADED) return { state: 'degraded', message };
      return state === HealthState.HEALTH_STATE_UNHEALTHY
        ? { state: 'unhealthy', message }
        : { state: 'healthy' };
    },
    shutdown: () => runtime.shutdown(DRAIN_TIMEOUT_MS, 'the test ends'),
  };
}

function assertConfig(manifest: Manifest, config: JsonObject | undefined): Readonly<Record<string, unknown>> {
  const checked = checkConfig(manifest.configSchema, config ?? {}, { prefix: ['config'] });
  if (checked.ok) return checked.config;
  throw new BulkheadError(
    ErrorCode.CONFIG_INVALID,
    `the configuration is not valid:\n${checked.problems.map(({ path, message }) => `  ${path ?? ''}: ${message}`).join('\n')}`,
    { problems: checked.problems },
  );
}

function initializeRequest(
  manifest: Manifest,
  config: Readonly<Record<string, unknown>>,
  own: TwinPlugin,
  options: TestPluginOptions,
): InitializeRequest {
  return {
    name: own.name,
    id: manifest.id,
    version: manifest.version,
    manifestJson: stringifyJson(manifest.source),
    configJson: stringifyJson(config),
    grantedScopes: [...own.scopes],
    limits: undefined,
    logLevel: 'trace',
    dataDir: options.dataDir ?? '',
  };
}

function toLine(record: LogRecord): TestLogLine {
  const fields: unknown = record.fieldsJson === '' ? {} : parseJson(record.fieldsJson);
  return {
    level: record.level,
    message: record.message,
    fields: isPlainObject(fields) ? (fields as JsonObject) : {},
    requestId: record.requestId,
  };
}
