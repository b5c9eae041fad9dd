import { join } from 'node:path';
import { ask, type Answer } from '../cli/control-socket.test-support.js';
import {
  bulkhead,
  cleanUp,
  eventually,
  makeFolder,
  pluginPids,
  startDaemonWithin,
  type RunningDaemon,
} from '../cli/daemon.test-support.js';

export const LEDGER = join(import.meta.dirname, '../fixtures/plugins/ledger');

/** Daemons that start together, or one that takes over when it has seen another stand still for 15 s; on a machine under load. */
const PATIENCE_MS = 90_000;

/** `eventually`, for what takes its time. */
export function patiently(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  return eventually(what, holds, PATIENCE_MS);
}

/** A run of a schedule, as REST shows it. */
export interface Run {
  readonly id: string;
  readonly fire: string;
  readonly state: string;
  readonly by_hand: boolean;
}

/** A daemon of its own process with the ledger plugin, and the ways to ask it. */
export interface LedgerHost {
  readonly folder: string;
  readonly daemon: RunningDaemon;
  api(method: string, path: string, body?: unknown): Promise<Answer>;
  /** Calls an RPC method of an entry. @throws when it is not answered with 200 */
  rpc(entry: string, method: string, input?: unknown): Promise<unknown>;
  /** What the entry has under keys of a prefix. */
  notes(entry: string, prefix: string): Promise<Readonly<Record<string, unknown>>>;
  runs(entry: string, schedule: string): Promise<readonly Run[]>;
  pid(entry: string): Promise<number>;
  /** Decides grants of an entry, as `bulkhead plugin grants` does. */
  grants(entry: string, ...decisions: readonly string[]): Promise<void>;
  /** Resolves when everything that the daemon needs is ready. */
  ready(): Promise<void>;
}

/** @param config all of it but where it listens */
export async function startLedgerHost(config: string): Promise<LedgerHost> {
  const folder = await makeFolder(`environment: development
listen: { data: { address: '127.0.0.1:0' }, control: { address: '127.0.0.1:0' } }
${config}`);
  const daemon = await startDaemonWithin(PATIENCE_MS, folder).catch(async (error: unknown) => {
    // Nobody knows of it yet who could.
    await cleanUp(folder);
    throw error;
  });
  const api = (method: string, path: string, body?: unknown): Promise<Answer> =>
    ask(folder, method, `/api/v1${path}`, body);
  const rpc = async (entry: string, method: string, input?: unknown): Promise<unknown> => {
    const { status, body } = await ask(folder, 'POST', `/plugin/${entry}/rpc/${method}`, input);
    if (status !== 200) throw new Error(`${method} of ${entry}: ${String(status)} ${JSON.stringify(body)}`);
    return body;
  };
  return {
    folder,
    daemon,
    api,
    rpc,
    async notes(entry, prefix) {
      const { status, body } = await ask(folder, 'POST', `/plugin/${entry}/rpc/notes`, prefix);
      if (status !== 200) throw new Error(`notes of ${entry}: ${JSON.stringify(body)}`);
      return body;
    },
    async runs(entry, schedule) {
      const { body } = await api('GET', `/schedules/${entry}/${schedule}/runs`);
      return body['runs'] as readonly Run[];
    },
    pid: async (entry) => (await pluginPids(folder)).get(entry) ?? 0,
    async grants(entry, ...decisions) {
      const { code, stderr } = await bulkhead(folder, 'plugin', 'grants', entry, ...decisions);
      if (code !== 0) throw new Error(stderr);
    },
    ready: () => patiently('ready', async () => (await fetch(`${daemon.control}/readyz`)).status === 200),
  };
}
