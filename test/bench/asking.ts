import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHost, type Host } from '@bulkhead/host';
import { isPlainObject } from '@bulkhead/proto/rules';
import { summarize, type RemoteSubject } from './measure.ts';

const ASKER = join(import.meta.dirname, '../fixtures/plugins/asker');
/** For one hook that asks all the while. */
const HOOK_TIMEOUT_MS = 60_000;

/** The largest that can be written, in operations a second. */
const NO_BUDGET = 10_000_000;

/** By which way the plugin asks: the SDK's, or a plain gRPC client of its own on the host's socket for it. */
export type Way = 'link' | 'naive';

/** What a plugin is told to do. */
export interface Asking {
  readonly inFlight: number;
  readonly durationMs: number;
  /** Between an answer and the next call, in each of the calls in flight. */
  readonly pauseMs?: number;
}

/** What it saw. */
export interface Asked {
  /** Of the calls that were answered, in the plugin. */
  readonly latenciesMs: readonly number[];
  readonly refused: number;
  readonly elapsedMs: number;
}

/** A host with plugins that ask it for keys which are there. */
export interface AskingHost {
  ask(plugin: string, way: Way, asking: Asking): Promise<Asked>;
  close(): Promise<void>;
}

/** @param plugins each configured entry's name with its operations a second; undefined for the default budget */
export async function startAskingHost(
  plugins: Readonly<Record<string, number | undefined>>,
): Promise<AskingHost> {
  const directory = await mkdtemp(join(tmpdir(), 'bench-'));
  const host = await createHost({
    environment: 'development',
    host: { data_dir: directory, sandbox: 'basic' },
    log: { level: 'warn' },
    link: { mtls: 'never' },
    limits: { max_payload_bytes: 16_000_000 },
    plugins: Object.fromEntries(
      Object.entries(plugins).map(([name, perSecond]) => [
        name,
        {
          plugin: ASKER,
          timeout_ms: HOOK_TIMEOUT_MS,
          grants: { scopes: ['kv.readwrite'] },
          conditions: [{ tools: [name] }],
          ...(perSecond === undefined ? {} : { service_limits: { kv_per_second: perSecond } }),
        },
      ]),
    ),
  });
  await host.start();
  for (const plugin of Object.keys(plugins)) await tell(host, plugin, 'fill', {});
  return {
    async ask(plugin, way, { inFlight, durationMs, pauseMs = 0 }) {
      const answer = await tell(host, plugin, way, {
        in_flight: inFlight,
        duration_ms: durationMs,
        pause_ms: pauseMs,
      });
      return {
        latenciesMs: numbers(answer['latencies_ms']),
        refused: Number(answer['refused']),
        elapsedMs: Number(answer['elapsed_ms']),
      };
    },
    async close() {
      await host.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** A plugin that reads keys by the SDK or by plain gRPC: the same process, the same guard, handler and store. */
export async function createKvGetSubject(way: Way): Promise<RemoteSubject> {
  const host = await startAskingHost({ asker: NO_BUDGET });
  return {
    async measure(inFlight, durationMs) {
      const { latenciesMs, elapsedMs } = await host.ask('asker', way, { inFlight, durationMs });
      return summarize(latenciesMs, elapsedMs);
    },
    close: () => host.close(),
  };
}

async function tell(
  host: Host,
  plugin: string,
  does: Way | 'fill',
  asking: Readonly<Record<string, number>>,
): Promise<Readonly<Record<string, unknown>>> {
  const call = { name: plugin, args: { does, ...asking }, headers: {} };
  const {
    allowed,
    payload: { args },
  } = await host.invoke('tool_pre_invoke', call);
  if (!allowed || !isPlainObject(args)) throw new Error(`expected '${plugin}' to ask`);
  return args;
}

function numbers(value: unknown): readonly number[] {
  return Array.isArray(value) ? value.map(Number) : [];
}
