import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

export const MOUNT = '/sys/fs/cgroup';
export const ROOT = 0;
/** The user `operator` of the image. */
export const OPERATOR = 1_000;

/** A cgroup below the root, with all controllers that Bulkhead uses. */
export function makeCgroup(path: string): string {
  const folder = join(MOUNT, path);
  if (existsSync(folder)) return folder;
  makeCgroup(dirname(path));
  writeFileSync(join(dirname(folder), 'cgroup.subtree_control'), '+memory +pids +cpu');
  mkdirSync(folder);
  return folder;
}

/** Gives one to a user, as a service manager does: what the kernel lists is theirs, and nothing else. */
export function delegate(folder: string, uid: number): string {
  const files = readFileSync('/sys/kernel/cgroup/delegate', 'utf8').split('\n').filter(Boolean);
  for (const path of ['', ...files].map((file) => join(folder, file))) {
    if (existsSync(path)) chownSync(path, uid, uid);
  }
  return folder;
}

export function readCgroup(folder: string, file: string): string {
  return readFileSync(join(folder, file), 'utf8').trim();
}

/** A number out of a file with a name and a number on each line. */
export function readCount(folder: string, file: string, name: string): number {
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(readCgroup(folder, file))?.[1]);
}

export function processesIn(folder: string): readonly number[] {
  return readCgroup(folder, 'cgroup.procs').split('\n').filter(Boolean).map(Number);
}

/** The folder of the cgroup that a process is in. */
export function cgroupOf(pid: number): string {
  return resolve(
    MOUNT,
    readFileSync(`/proc/${pid}/cgroup`, 'utf8')
      .trim()
      .replace(/^0::\//, ''),
  );
}

export function cellsIn(folder: string): readonly string[] {
  return readdirSync(folder)
    .filter((name) => name.startsWith('bulkhead-plugin-'))
    .map((name) => join(folder, name));
}

/** Starts a program in a cgroup, as a user. */
export function startIn(folder: string, uid: number, program: readonly string[]): ChildProcess {
  const asUser = ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];
  return spawn('/bin/sh', ['-c', 'echo 0 > "$0/cgroup.procs" && exec "$@"', folder, ...asUser, ...program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** A script that lies beside this one. */
export function script(name: string, ...args: readonly string[]): readonly string[] {
  return [process.execPath, join(import.meta.dirname, `${name}.js`), ...args];
}

/** What a program says, once it has ended. */
export async function outputOf(child: ChildProcess): Promise<string> {
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  await once(child, 'close');
  return text;
}
