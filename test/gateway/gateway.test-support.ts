import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { JsonText, parseJson, stringifyJson } from '@bulkhead/proto/json';
import { systemClock, type Clock } from '../../host/clock.js';
import type { AppConfig, UpstreamConfig } from '../../host/config/config.js';
import type { HostViolation, InvokeResult, RequestContext } from '../../host/dispatch/invocation.js';
import { createGateway, type Gateway, type GatewayOptions } from '../../host/gateway/gateway.js';
import type { HookPort } from '../../host/dispatch/hook-port.js';
import { createPluginContributions } from '../../host/contributions/contributions.js';
import { NO_AUDIT } from '../../host/telemetry/audit.js';
import { createContributedTools } from '../../host/tools/contributed-tools.js';
import { createToolPolicies } from '../../host/tools/policy.js';
import { createSchemaCheck } from '../../host/schemas/schema-check.js';
import { createToolRunner } from '../../host/tools/tool-runner.js';
import { createUpstreams, type Upstreams } from '../../host/upstream/upstreams.js';

const RAW_SERVER = fileURLToPath(new URL('../fixtures/mcp/raw-server.ts', import.meta.url));
const EVERYTHING = createRequire(import.meta.url).resolve(
  '@modelcontextprotocol/server-everything/dist/index.js',
);

const BOUNDS = { startTimeoutMs: 15_000, callTimeoutMs: 15_000 } as const;

export function rawUpstream(name = 'raw', env: Readonly<Record<string, string>> = {}): UpstreamConfig {
  return {
    name,
    ...BOUNDS,
    transport: 'stdio',
    command: process.execPath,
    args: [RAW_SERVER],
    env,
    cwd: '/',
  };
}

export function everythingUpstream(name = 'everything'): UpstreamConfig {
  return {
    name,
    ...BOUNDS,
    transport: 'stdio',
    command: process.execPath,
    args: [EVERYTHING, 'stdio'],
    env: {},
    cwd: '/',
  };
}

export function httpUpstream(
  name: string,
  url: string,
  headers: Readonly<Record<string, string>> = {},
): UpstreamConfig {
  return { name, ...BOUNDS, transport: 'http', url, headers };
}

/** A server process that is reached over HTTP. */
export interface HttpServerProcess {
  readonly url: string;
  readonly port: number;
  kill(): Promise<void>;
}

export async function startRawHttp(port = 0): Promise<HttpServerProcess> {
  const child = spawn(process.execPath, [RAW_SERVER, 'http', String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { port: Number(line), url: `http://127.0.0.1:${line}/mcp`, kill: () => kill(child) };
}

export async function startEverythingHttp(): Promise<HttpServerProcess> {
  const port = await freePort();
  const env = { ...process.env, PORT: String(port) };
  const child = spawn(process.execPath, [EVERYTHING, 'streamableHttp'], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  for await (const line of createInterface({ input: child.stderr })) {
    if (/listening on port/i.test(line)) break;
  }
  child.stderr.resume();
  return { port, url: `http://127.0.0.1:${String(port)}/mcp`, kill: () => kill(child) };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

async function freePort(): Promise<number> {
  const { createServer } = await import('node:net');
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}

/** What a function hook may answer: nothing, changed fields, or a violation. */
export type HookFunction = (
  payload: Record<string, unknown>,
  context: RequestContext,
) =>
  | void
  | { readonly modify: Record<string, unknown> }
  | { readonly deny: Omit<HostViolation, 'plugin'> }
  | { readonly fail: ErrorCode };

export interface FunctionHooks extends HookPort {
  readonly ended: string[];
  readonly endedScopes: string[];
  readonly seen: {
    readonly hook: string;
    readonly payload: Record<string, unknown>;
    readonly context: RequestContext;
  }[];
}

/** The pipeline as plain functions. JSON fields come back as they were given. */
export function functionHooks(
  hooks: Readonly<Record<string, HookFunction>>,
  known: readonly string[] = [],
): FunctionHooks {
  const ended: string[] = [];
  const endedScopes: string[] = [];
  const seen: FunctionHooks['seen'] = [];
  return {
    ended,
    endedScopes,
    seen,
    hooks: () => [...new Set([...known, ...Object.keys(hooks)])],
    listens: (hook) => Object.hasOwn(hooks, hook),
    endRequest: (requestId, stateScope) => {
      ended.push(requestId);
      endedScopes.push(stateScope);
    },
    async invoke(hook, payload, context = {}): Promise<InvokeResult> {
      const run = hooks[hook];
      if (run === undefined && !known.includes(hook))
        throw new BulkheadError(ErrorCode.UNKNOWN_HOOK, `no hook is named '${hook}'`);
      const plain = Object.fromEntries(
        Object.entries(payload).map(([name, value]) => [
          name,
          value instanceof JsonText ? parseJson(value.text) : value,
        ]),
      );
      seen.push({ hook, payload: plain, context });
      await Promise.resolve();
      const answer = run?.(plain, context) ?? undefined;
      const changes = answer !== undefined && 'modify' in answer ? answer.modify : {};
      const base = {
        payload: Object.fromEntries(
          Object.entries({ ...payload, ...changes }).map(([name, value]) => [
            name,
            payload[name] instanceof JsonText && !(value instanceof JsonText)
              ? new JsonText(stringifyJson(value))
              : value,
          ]),
        ),
        changedBy: Object.keys(changes).length > 0 ? ['function'] : [],
        context: { requestId: context.requestId ?? 'made-up' },
        metadata: {},
        records: [],
      };
      if (answer !== undefined && 'deny' in answer) {
        return { ...base, allowed: false, refusal: 'denied', violation: { ...answer.deny, plugin: 'guard' } };
      }
      if (answer !== undefined && 'fail' in answer) {
        const violation = { code: answer.fail, reason: 'the guard is down', plugin: 'guard' };
        return { ...base, allowed: false, refusal: 'failed', violation };
      }
      return { ...base, allowed: true, violation: null };
    },
  };
}

export interface RunningGateway extends AsyncDisposable {
  readonly url: string;
  readonly gateway: Gateway;
  readonly upstreams: Upstreams;
  readonly hooks: HookPort;
  readonly log: readonly { readonly level: string; readonly fields: object; readonly message: string }[];
}

export interface RunOptions {
  readonly upstreams?: readonly UpstreamConfig[];
  readonly hooks?: HookPort;
  readonly apps?: readonly AppConfig[];
  readonly environment?: string;
  readonly denyAs?: 'error' | 'result';
  readonly exposeViolationDetails?: boolean;
  readonly maxBodyBytes?: number;
  readonly allowedHosts?: readonly string[];
  readonly clock?: Clock;
  readonly sessions?: GatewayOptions['sessions'];
  readonly limits?: GatewayOptions['limits'];
  readonly storedApps?: GatewayOptions['storedApps'];
  readonly audit?: GatewayOptions['audit'];
  readonly hostEnv?: Readonly<Record<string, string | undefined>>;
  readonly tools?: (hooks: HookPort) => GatewayOptions['tools'];
  readonly contributions?: GatewayOptions['contributions'];
}

/** No plugin contributes anything, and no tool needs approval. */
function plainTools(hooks: HookPort): GatewayOptions['tools'] {
  const policies = createToolPolicies({ expose: {} });
  return {
    policies: () => policies,
    contributed: createContributedTools(
      () => [],
      () => policies,
    ),
    runner: createToolRunner({
      hooks,
      policies: () => policies,
      approvals: { require: () => Promise.reject(new Error('nobody is asked here')) },
      report: () => {},
      clock: systemClock,
      schemas: createSchemaCheck({ clock: systemClock }),
    }),
  };
}

/** A gateway on a free port with its upstreams running. */
export async function runGateway(options: RunOptions = {}): Promise<RunningGateway> {
  const lines: { level: string; fields: object; message: string }[] = [];
  const write =
    (level: string) =>
    (first: object | string, second?: string): void => {
      lines.push({ level, fields: typeof first === 'string' ? {} : first, message: second ?? String(first) });
    };
  const log = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
  const upstreams = createUpstreams(options.upstreams ?? [], {
    clock: systemClock,
    log,
    hostEnv: options.hostEnv ?? { PATH: process.env['PATH'], HOME: process.env['HOME'] },
    backoff: { initialMs: 20 },
  });
  const hooks = options.hooks ?? functionHooks({});
  const gateway = createGateway({
    config: {
      environment: options.environment ?? 'development',
      listen: {
        data: { host: '127.0.0.1', port: 0, allowedHosts: options.allowedHosts ?? [], behindProxy: false },
      },
      limits: { maxBodyBytes: options.maxBodyBytes ?? 10_000_000 },
      policy: {
        denyAs: options.denyAs ?? 'error',
        exposeViolationDetails: options.exposeViolationDetails ?? false,
      },
      apps: options.apps ?? [],
    },
    hooks,
    upstreams,
    tools: (options.tools ?? plainTools)(hooks),
    contributions:
      options.contributions ??
      createPluginContributions(() => [], NO_AUDIT, createSchemaCheck({ clock: systemClock })),
    clock: options.clock ?? systemClock,
    log,
    ...(options.sessions === undefined ? {} : { sessions: options.sessions }),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...(options.storedApps === undefined ? {} : { storedApps: options.storedApps }),
    ...(options.audit === undefined ? {} : { audit: options.audit }),
  });
  await upstreams.start();
  const url = await gateway.listen();
  return {
    url,
    gateway,
    upstreams,
    hooks,
    log: lines,
    async [Symbol.asyncDispose]() {
      await gateway.close(0);
      await upstreams.stop();
    },
  };
}

/** Resolves when `check` holds after an event; polls because what it waits for has no event of its own. */
export async function eventually(check: () => boolean | Promise<boolean>, withinMs = 10_000): Promise<void> {
  const until = performance.now() + withinMs;
  while (!(await check())) {
    if (performance.now() > until) throw new Error('it did not become true');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
