import { declaredRegistrations, readContributions, type Declared } from '@bulkhead/proto/rules';
import { mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino, type Logger } from 'pino';
import { expect } from 'vitest';
import { NO_SCOPE } from '@bulkhead/proto/host';
import { systemClock } from '../clock.js';
import type { WallKind } from './command-line.js';
import type { HostMethod } from './host-method.js';
import { createLauncher, type LauncherOptions } from './launch.js';
import type { LaunchDescription, Sidecar } from './sidecar.js';
import { openWall, type OpenedWall } from './wall/open-wall.js';
import { probeSandbox } from './wall/probe-sandbox.js';

export const fixture = (name: string): string => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));

export interface LogEntry {
  readonly [key: string]: unknown;
  readonly level: number;
  readonly msg: string;
}

/** A logger whose lines a test can read and wait for. */
export class LogTape {
  readonly entries: LogEntry[] = [];
  readonly log: Logger;
  readonly #waiting: { matches: (entry: LogEntry) => boolean; resolve: (entry: LogEntry) => void }[] = [];

  constructor() {
    this.log = pino({ level: 'trace' }, { write: (text: string) => this.#add(JSON.parse(text) as LogEntry) });
  }

  waitFor(matches: (entry: LogEntry) => boolean): Promise<LogEntry> {
    const there = this.entries.find(matches);
    if (there !== undefined) return Promise.resolve(there);
    return new Promise((resolve) => {
      this.#waiting.push({ matches, resolve });
    });
  }

  #add(entry: LogEntry): void {
    this.entries.push(entry);
    for (const waiter of this.#waiting) if (waiter.matches(entry)) waiter.resolve(entry);
  }
}

/** Tells the plugin who the host believes it is. */
export const whoAmI: HostMethod = {
  path: '/test.Host/WhoAmI',
  scope: NO_SCOPE,
  handle: (body, call) => Buffer.from(JSON.stringify({ plugin: call.plugin.name, bytes: body.length })),
};

const machine = { platform: process.platform, arch: process.arch, node: process.execPath };
const probed = await probeSandbox(machine);
if (probed.kind !== 'works' && process.env['CI'] !== undefined)
  throw new Error(`no sandbox to test in: ${probed.found}`);

/** The walls that this machine has; in CI all of them. */
export const WALLS: readonly WallKind[] =
  probed.kind === 'works' ? ['off', 'basic', 'strict'] : ['off', 'basic'];

const opened = new Map<WallKind, Promise<OpenedWall>>();

/** Found once per file: nothing of it belongs to a test. */
export async function wallOf(kind: WallKind): Promise<OpenedWall['wall']> {
  const found =
    opened.get(kind) ?? openWall({ ...machine, setting: kind, environment: 'development', closed: [] });
  opened.set(kind, found);
  return (await found).wall;
}
/** Needs a scope that `describeLaunch` does not grant. */
export const forbidden: HostMethod = {
  path: '/test.Host/Forbidden',
  scope: 'kv.readwrite',
  handle: (body) => body,
};

/** A run directory, a launcher on it, and the check that nothing is left of it. */
export class Harness {
  readonly kind: WallKind;
  readonly runDir = realpathSync(mkdtempSync(join(tmpdir(), 'bh-run-')));
  readonly tape = new LogTape();
  readonly #sidecars: Sidecar[] = [];

  constructor(kind: WallKind = 'off') {
    this.kind = kind;
  }

  async start(
    change: Partial<LaunchDescription> = {},
    options: Partial<LauncherOptions> = {},
  ): Promise<Sidecar> {
    const sidecar = await this.launcher(options)(describeLaunch(change));
    this.#sidecars.push(sidecar);
    return sidecar;
  }

  /** The raw plugin with these vices. */
  plugin(vices: string, change: Partial<LaunchDescription> = {}): Promise<Sidecar> {
    return this.start({ ...change, env: { FIXTURE: vices, ...change.env } });
  }

  launcher(options: Partial<LauncherOptions> = {}): ReturnType<typeof createLauncher> {
    return createLauncher({
      log: this.tape.log,
      clock: systemClock,
      runDir: this.runDir,
      hostVersion: '0.1.0',
      hostMethods: [whoAmI, forbidden],
      daemonEnv: { PATH: process.env['PATH'] },
      wall: () => wallOf(this.kind),
      ...options,
    });
  }

  /** Resolves when a process that is not our child is gone. */
  async untilGone(pid: number): Promise<void> {
    await expect.poll(() => leftProcesses(this.runDir), { timeout: 10_000 }).not.toContain(pid);
  }

  /** Fails the test when a process, a socket or a directory is left. */
  async close(): Promise<void> {
    await Promise.all(this.#sidecars.map((sidecar) => sidecar.kill('the test is over')));
    const left = leftProcesses(this.runDir);
    for (const pid of left) process.kill(pid, 'SIGKILL');
    expect(left, 'processes left').toEqual([]);
    // The kernel frees those of a namespace a moment after its processes.
    await expect.poll(() => leftSockets(this.runDir), { message: 'sockets left' }).toEqual([]);
    expect(readdirSync(this.runDir), 'directories left').toEqual([]);
    rmSync(this.runDir, { recursive: true });
  }
}

export function describeLaunch(change: Partial<LaunchDescription> = {}): LaunchDescription {
  return {
    name: 'probe',
    id: 'test.probe',
    version: '1.0.0',
    command: [process.execPath, fixture('raw-plugin.mjs')],
    cwd: fixture(''),
    followLinks: true,
    // The fixtures are no package of their own: they find their modules in the host's, and in the workspace.
    readOnlyPaths: [fileURLToPath(new URL('../..', import.meta.url))],
    reach: { network: [], filesystem: [], subprocess: true },
    env: {},
    network: 'unix',
    mtls: false,
    startTimeoutMs: 15_000,
    drainTimeoutMs: 5_000,
    termTimeoutMs: 5_000,
    killTimeoutMs: 5_000,
    callTimeoutMs: 5_000,
    maxMessageBytes: 8 * 1024 * 1024,
    manifestJson: '{}',
    declared: declaring(),
    configJson: '{"a":1}',
    grantedScopes: ['kv.read'],
    maxInFlight: 64,
    logLevel: 'trace',
    ...change,
  };
}

/** Live processes that were started with something below `runDir` in their environment. */
export function leftProcesses(runDir: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      if (!Number.isInteger(pid)) return false;
      try {
        const mark = `PLUGIN_UNIX_SOCKET_DIR=${runDir}/`;
        const zombie = readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') Z ');
        return !zombie && readFileSync(`/proc/${pid}/environ`, 'latin1').includes(mark);
      } catch {
        return false;
      }
    });
}

/** Those of them that are not a wall's own. */
export function pluginProcesses(runDir: string): number[] {
  return leftProcesses(runDir).filter((pid) => readFileSync(`/proc/${pid}/comm`, 'latin1') !== 'bwrap\n');
}

function leftSockets(runDir: string): string[] {
  return readFileSync('/proc/net/unix', 'latin1')
    .split('\n')
    .filter((line) => line.includes(`${runDir}/`));
}

/** A manifest that declares these hooks and nothing else. */
export function declaring(...hooks: readonly string[]): Declared {
  return declaredRegistrations(hooks, { ...readContributions({}), objectHooks: [] });
}
