import { execFile } from 'node:child_process';
import { realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import type { RunAs } from './run-as.js';

/** A path that a program needs, and what for. */
export interface NeededPath {
  readonly path: string;
  /** `x`: to pass through. */
  readonly access: 'x' | 'r' | 'rw';
}

const TIMEOUT_MS = 5_000;
const OTHERS_ENTER = 0o001;
const OTHERS_READ = 0o004;
const OTHERS_WRITE = 0o002;

/**
 * The first thing that a user who owns nothing cannot get at; undefined when all is open to it. Modes are enough for a
 * yes; before a no the system itself is asked, because a list of access rights may open what the mode does not. What is
 * not there is not judged: whoever needs it says so better.
 */
export async function findClosed(
  needed: readonly NeededPath[],
  uid: number,
  runAs: RunAs,
): Promise<string | undefined> {
  const judged = new Map<string, Promise<boolean>>();
  const enters = (folder: string): Promise<boolean> => {
    const known = judged.get(folder) ?? hasMode(folder, OTHERS_ENTER);
    judged.set(folder, known);
    return known;
  };
  for (const { path, access } of needed) {
    const real = await realpath(path).catch(() => undefined);
    if (real === undefined) continue;
    const closed = await firstClosed(new Set([...chain(path), ...chain(real)]), real, access, enters);
    if (closed !== undefined && !(await isOpenTo(path, access, uid, runAs))) return closed;
  }
  return undefined;
}

/** The folders on the way to a path, the root first. */
function chain(path: string): readonly string[] {
  const parent = dirname(path);
  return parent === path ? [] : [...chain(parent), parent];
}

async function firstClosed(
  folders: Iterable<string>,
  path: string,
  access: NeededPath['access'],
  enters: (folder: string) => Promise<boolean>,
): Promise<string | undefined> {
  for (const folder of folders) if (!(await enters(folder))) return folder;
  const directory = (await stat(path)).isDirectory();
  const enter = directory ? OTHERS_ENTER : 0;
  return (await hasMode(path, enter | BITS[access])) ? undefined : path;
}

const BITS = { x: 0, r: OTHERS_READ, rw: OTHERS_READ | OTHERS_WRITE } as const;

async function hasMode(path: string, bits: number): Promise<boolean> {
  return ((await stat(path)).mode & bits) === bits;
}

async function isOpenTo(
  path: string,
  access: NeededPath['access'],
  uid: number,
  runAs: RunAs,
): Promise<boolean> {
  const [file, ...args] = runAs.prefix(uid);
  const tests = [...access].map((one) => `test -${one} "$0"`);
  const script = ['{ test ! -d "$0" || test -x "$0"; }', ...tests].join(' && ');
  return promisify(execFile)(file, [...args, '/bin/sh', '-c', script, path], {
    cwd: '/',
    env: {},
    timeout: TIMEOUT_MS,
  }).then(
    () => true,
    () => false,
  );
}
