import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

export const ROOT = dirname(dirname(import.meta.dirname));
const BULKHEAD = join(ROOT, 'host', 'dist', 'cli', 'main.js');
const EVERYTHING = join(
  ROOT,
  'node_modules',
  '@modelcontextprotocol',
  'server-everything',
  'dist',
  'index.js',
);
const START_DEADLINE_MS = 25_000;
const STOP_DEADLINE_MS = 20_000;
const run = promisify(execFile);

/** Two guards and a logger in front of the reference server, on free ports. */
export const CONFIG = `environment: development
host:
  plugins_dir: ${JSON.stringify(join(ROOT, '.bulkhead', 'plugins'))}
listen:
  data: { address: '127.0.0.1:0' }
  control: { address: '127.0.0.1:0' }
mcp_servers:
  everything:
    command: ${JSON.stringify(process.execPath)}
    args: [${JSON.stringify(EVERYTHING)}, stdio]
plugins:
  tool_allowlist:
    config: { allowed_tools: [echo, get-sum] }
  pii_filter: {}
  audit_logger: { grants: { context: [read_user] } }
`;

/** A folder with a configuration, whose path has a space in it. */
export async function makeFolder(config: string = CONFIG): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead cli '));
  await writeFile(join(folder, 'bulkhead.yaml'), config);
  return folder;
}

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one command to its end. */
export async function bulkhead(cwd: string, ...args: readonly string[]): Promise<Outcome> {
  try {
    const { stdout, stderr } = await run(process.execPath, [BULKHEAD, ...args], {
      cwd,
      timeout: START_DEADLINE_MS,
    });
    return { code: 0, stdout, stderr };
  } catch (error) {
    if (!(error instanceof Error && 'stdout' in error && 'stderr' in error && 'code' in error)) throw error;
    return { code: Number(error.code), stdout: String(error.stdout), stderr: String(error.stderr) };
  }
}

export interface RunningDaemon {
  readonly pid: number;
  readonly data: string;
  readonly control: string;
  /** Everything that it wrote to standard output so far: its log. */
  log(): string;
  signal(signal: NodeJS.Signals): void;
  /** Resolves when the log has a line that fits. */
  logged(pattern: RegExp): Promise<void>;
  /** Exit code, or the signal that ended it. */
  readonly exited: Promise<number | string>;
}

const started = new Set<ChildProcess>();

/** Starts the daemon and waits until it says where it listens. */
export function startDaemon(folder: string, ...args: readonly string[]): Promise<RunningDaemon> {
  return startDaemonWithin(START_DEADLINE_MS, folder, ...args);
}

/** The same, for tests that start several and have the time. The deadline is that of each of its waits. */
export async function startDaemonWithin(
  deadlineMs: number,
  folder: string,
  ...args: readonly string[]
): Promise<RunningDaemon> {
  const child = spawn(process.execPath, [BULKHEAD, 'start', ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.add(child);
  let log = '';
  let said = '';
  const listeners = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    log += text;
    for (const listener of listeners) listener();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    for (const listener of listeners) listener();
  });
  const exited = once(child, 'close').then(([code, signal]) => {
    started.delete(child);
    for (const listener of listeners) listener();
    return typeof code === 'number' ? code : String(signal);
  });
  const until = async (what: string, ready: () => boolean): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const fail = (why: string): void => {
      reject(new Error(`${why} while waiting for ${what}:\n${said}\n${log}`));
    };
    const timer = setTimeout(fail, deadlineMs, 'nothing for too long');
    const look = (): void => {
      if (ready()) resolve();
      else if (child.exitCode !== null || child.signalCode !== null) fail('the daemon ended');
    };
    listeners.add(look);
    look();
    await promise.finally(() => {
      clearTimeout(timer);
      listeners.delete(look);
    });
  };
  await until('its banner', () => said.includes('Stop it with Ctrl-C'));
  const url = (name: string, path: string): string =>
    new RegExp(`^${name}\\s+(http://[^/]+)/${path}`, 'm').exec(said)?.[1] ?? '';
  return {
    pid: child.pid ?? 0,
    data: url('MCP', 'mcp'),
    control: url('readiness', 'readyz'),
    log: () => log,
    signal: (signal) => void child.kill(signal),
    logged: (pattern) => until(String(pattern), () => pattern.test(log)),
    exited,
  };
}

/** Ends every daemon that a test left, then removes its folder. */
export async function cleanUp(folder: string): Promise<void> {
  for (const child of started) {
    const gone = once(child, 'close');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
    await gone;
    clearTimeout(timer);
  }
  await rm(folder, { recursive: true, force: true });
}

/** The process ids of a daemon's plugins. */
export async function pluginPids(folder: string): Promise<ReadonlyMap<string, number>> {
  const { stdout } = await bulkhead(folder, 'plugin', 'list', '--json');
  const { plugins } = JSON.parse(stdout) as { plugins: readonly { name: string; pids: readonly number[] }[] };
  return new Map(plugins.map(({ name, pids }) => [name, pids[0] ?? 0]));
}

/** Polls until it holds; a bound on hangs, not a measure of speed. */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  deadlineMs = START_DEADLINE_MS,
): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
