import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { NICENESS } from '../limits/weigh.js';
import { findProgram } from '../wall/find-program.js';

/** How programs are started as a user that has nothing but itself. */
export interface RunAs {
  /**
   * Put in front of a program. User, group and no further groups; no capabilities, and no way to new ones.
   *
   * @param light whether it gives way to everybody from its start: root without CAP_SYS_NICE cannot tell it to later
   */
  prefix(uid: number, light?: boolean): readonly [file: string, ...args: string[]];
}

export type FoundRunAs =
  | { readonly kind: 'works'; readonly runAs: RunAs }
  /** What was found, and the change that mends it. */
  | { readonly kind: 'missing'; readonly found: string; readonly fix: string };

export interface RunAsOptions {
  readonly platform: NodeJS.Platform;
  /** The host's effective user. */
  readonly uid: number | undefined;
  /** Users that it will be asked for. */
  readonly first: number;
  readonly count: number;
  /** The daemon's PATH. */
  readonly searchPath?: string | undefined;
}

const TIMEOUT_MS = 5_000;

/** Numbers in CapEff of what the host needs: to become another user, give it its files, end it, and clear up after it. */
const NEEDED = { CHOWN: 0, DAC_OVERRIDE: 1, FOWNER: 3, KILL: 5, SETGID: 6, SETUID: 7 } as const;

/** Starts one program as another user and looks at what became of it. Never rejects. */
export async function findRunAs(options: RunAsOptions): Promise<FoundRunAs> {
  const { platform, uid, first, count, searchPath } = options;
  if (platform !== 'linux')
    return missing(`users of their own need Linux, this is ${platform}`, 'set host.plugin_uids.use: never');
  if (uid !== 0) return missing('the host is not root', 'nothing, if the host has a user of its own');
  try {
    const lacking = lackingCapabilities(await readFile('/proc/self/status', 'latin1'));
    if (lacking.length > 0) {
      return missing(
        `root without ${lacking.map((name) => `CAP_${name}`).join(', ')}`,
        `give the host these capabilities (docker run --cap-add ${lacking.join(' --cap-add ')}), or run it as a user of its own`,
      );
    }
    for (const map of ['uid_map', 'gid_map'])
      if (!isMapped(await readFile(`/proc/self/${map}`, 'latin1'), first, count))
        return missing(
          `the numbers ${first} to ${first + count - 1} are not all in this container's user namespace`,
          'name others with host.plugin_uids.first and count; /proc/self/uid_map lists them',
        );
    const setpriv = await findProgram('setpriv', searchPath);
    const cat = await findProgram('cat', searchPath);
    if (setpriv === undefined || cat === undefined) return missing('setpriv is not installed', INSTALL);
    const runAs = createRunAs(setpriv, await findProgram('nice', searchPath));
    const [file, ...args] = runAs.prefix(first);
    const { stdout } = await promisify(execFile)(file, [...args, cat, '/proc/self/status'], {
      cwd: '/',
      env: {},
      timeout: TIMEOUT_MS,
    });
    if (!isNobodyElse(stdout, first))
      return missing('a program that was to run as another user kept some of root', INSTALL);
    return { kind: 'works', runAs };
  } catch (error) {
    const text = error instanceof Error ? (error.message.trim().split('\n').at(-1) ?? '') : String(error);
    return missing(`no program can be started as another user: ${text}`, INSTALL);
  }
}

const INSTALL = 'install setpriv of util-linux 2.33 or newer (packages util-linux, or setpriv on Alpine)';

function missing(found: string, fix: string): FoundRunAs {
  return { kind: 'missing', found, fix };
}

function createRunAs(setpriv: string, nice: string | undefined): RunAs {
  return {
    prefix: (uid, light = false) => [
      ...(light && nice !== undefined
        ? ([nice, '-n', String(NICENESS), setpriv] as const)
        : ([setpriv] as const)),
      `--reuid=${uid}`,
      `--regid=${uid}`,
      '--clear-groups',
      '--inh-caps=-all',
      // Programs that make whoever runs them somebody else do not.
      '--no-new-privs',
      '--',
    ],
  };
}

/** Which of the capabilities that the host needs it does not have, by /proc/self/status. */
export function lackingCapabilities(status: string): readonly string[] {
  const effective = BigInt(`0x${field(status, 'CapEff')}`);
  return Object.entries(NEEDED).flatMap(([name, bit]) =>
    (effective & (1n << BigInt(bit))) === 0n ? [name] : [],
  );
}

/** Whether a range of numbers lies in what /proc/<pid>/uid_map lists. */
export function isMapped(map: string, first: number, count: number): boolean {
  const ranges = map
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number));
  return ranges.some(([start = 0, , length = 0]) => start <= first && first + count <= start + length);
}

function isNobodyElse(status: string, uid: number): boolean {
  const four = (name: string): boolean =>
    field(status, name) === Array.from({ length: 4 }, () => String(uid)).join(' ');
  const none = (name: string): boolean => /^0+$/.test(field(status, name));
  return (
    four('Uid') &&
    four('Gid') &&
    field(status, 'Groups') === '' &&
    ['CapInh', 'CapPrm', 'CapEff', 'CapAmb'].every(none) &&
    field(status, 'NoNewPrivs') === '1'
  );
}

function field(status: string, name: string): string {
  const value = new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(status)?.[1] ?? '';
  return value.trim().split(/\s+/).join(' ');
}
