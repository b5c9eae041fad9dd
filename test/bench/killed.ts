import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { median } from './measure.ts';
import { round1 } from './parts/part.ts';

const PLUGINS = 10;
/** After the start: what a host does once, and nothing else. */
const SETTLE_MS = 300;
const LOOK_EVERY_MS = 1;
/** What lives on longer is not waited for. */
const MAX_MS = 10_000;

/** How the plugins of the host that is killed are walled in. */
export interface KilledWall {
  readonly name: string;
  readonly what: string;
  readonly sandbox: 'basic' | 'strict';
  /** Without the program that has the kernel end a plugin with its host; the plugin then has to see it itself. */
  readonly hideSetpriv: boolean;
}

export const KILLED_WALLS: readonly KilledWall[] = [
  { name: 'basic', what: 'basic', sandbox: 'basic', hideSetpriv: false },
  { name: 'basic_lifeline', what: 'basic without setpriv', sandbox: 'basic', hideSetpriv: true },
  { name: 'strict', what: 'strict', sandbox: 'strict', hideSetpriv: false },
];

export interface Killed {
  /** From SIGKILL to the end of the last process, the median of the rounds and the longest. */
  readonly medianMs: number;
  readonly mostMs: number;
  /** That the host had started, directly and not. */
  readonly processes: number;
}

/** @returns undefined where setpriv cannot be hidden, which takes a mount namespace */
export async function measureKilled(wall: KilledWall, rounds: number): Promise<Killed | undefined> {
  const hide = wall.hideSetpriv ? await hidingSetpriv() : [];
  if (hide === undefined) return undefined;
  const taken: { readonly ms: number; readonly processes: number }[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const directory = await mkdtemp(join(tmpdir(), 'bench-'));
    const host = await startHost([...hide, process.execPath], wall.sandbox, directory);
    await sleep(SETTLE_MS);
    const started = await descendants(host.pid ?? 0);
    const began = performance.now();
    host.kill('SIGKILL');
    let left = started;
    while (left.length > 0 && performance.now() - began < MAX_MS) {
      await sleep(LOOK_EVERY_MS);
      left = await running(left);
    }
    taken.push({ ms: performance.now() - began, processes: started.length });
    for (const { pid } of left) process.kill(pid, 'SIGKILL');
    await rm(directory, { recursive: true, force: true });
  }
  const times = taken.map(({ ms }) => ms);
  return {
    medianMs: round1(median(times)),
    mostMs: round1(Math.max(...times)),
    processes: taken[0]?.processes ?? 0,
  };
}

async function startHost(
  [file, ...args]: readonly [string, ...string[]] | readonly string[],
  sandbox: string,
  directory: string,
): Promise<ChildProcess> {
  const child = join(import.meta.dirname, 'killed-child.ts');
  const host = spawn(file ?? process.execPath, [...args, child, String(PLUGINS), sandbox, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await Promise.race([
    once(host.stdout, 'data'),
    once(host, 'exit').then(([code]) => {
      throw new Error(`the host that was to be killed ended by itself, with ${String(code)}`);
    }),
  ]);
  return host;
}

/** A command that runs another one where setpriv cannot be run; undefined when this machine does not let us. */
async function hidingSetpriv(): Promise<readonly string[] | undefined> {
  const script =
    'for f in /usr/bin/setpriv /usr/local/bin/setpriv; do [ ! -e $f ] || mount --bind /dev/null $f || exit 1; done; exec "$@"';
  const command = ['unshare', '--mount', 'sh', '-c', script, 'sh'];
  try {
    await promisify(execFile)('unshare', [...command.slice(1), 'true']);
    return command;
  } catch {
    return undefined;
  }
}

/** A process, and when it began: the number alone may be another's by now. */
interface ProcessMark {
  readonly pid: number;
  readonly began: string;
}

async function descendants(root: number): Promise<readonly ProcessMark[]> {
  const pids = (await readdir('/proc')).map(Number).filter((pid) => Number.isInteger(pid));
  const all = (await Promise.all(pids.map(readProcess))).filter((one) => one !== undefined);
  const found: (typeof all)[number][] = [];
  let parents = new Set([root]);
  while (parents.size > 0) {
    const children = all.filter(({ parent }) => parents.has(parent));
    found.push(...children);
    parents = new Set(children.map(({ pid }) => pid));
  }
  return found;
}

async function running(marks: readonly ProcessMark[]): Promise<readonly ProcessMark[]> {
  const now = await Promise.all(marks.map(async ({ pid }) => readProcess(pid)));
  return marks.filter(({ began }, at) => now[at]?.began === began);
}

/** Undefined when it is gone, or dead and only not yet waited for. */
async function readProcess(pid: number): Promise<(ProcessMark & { readonly parent: number }) | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
  // The name comes in brackets and may hold any character.
  const [state, parent, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const began = rest[17];
  if (began === undefined || state === 'Z' || state === 'X') return undefined;
  return { pid, parent: Number(parent), began };
}
