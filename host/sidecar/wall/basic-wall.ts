import { realpath } from 'node:fs/promises';
import type { CommandLine, LaunchPlace, Wall } from '../command-line.js';
import { programCommand } from '../limits/program-command.js';
import type { PluginUsers } from '../own-user/plugin-users.js';
import type { RunAs } from '../own-user/run-as.js';
import type { LaunchDescription } from '../sidecar.js';
import { dieWithParent } from './die-with-parent.js';
import { assertProgram, findProgram } from './find-program.js';
import { pathsBeside } from './linked-packages.js';
import { limitCommand } from './rlimits.js';

export interface BasicWallOptions {
  readonly platform: NodeJS.Platform;
  /** The daemon's PATH. */
  readonly searchPath?: string | undefined;
  /** Whom plugins run as, and how; undefined: always the host's user. */
  readonly users?: PluginUsers | undefined;
  readonly runAs?: RunAs | undefined;
}

/**
 * What can be had everywhere: a scrubbed environment, a process group of its own, limits where the system sets them,
 * and Node's permission model as a second layer. It keeps honest code honest; it is no wall against hostile code.
 */
export async function createBasicWall(options: BasicWallOptions): Promise<Wall> {
  const { platform, searchPath, users, runAs } = options;
  const linux = platform === 'linux';
  const prlimit = linux ? await findProgram('prlimit', searchPath) : undefined;
  const dieWithHost = linux ? await dieWithParent(await findProgram('setpriv', searchPath)) : [];
  return {
    kind: 'basic',
    privateSockets: false,
    ...(users === undefined ? {} : { users }),
    enclose: (description, place) => enclose({ prlimit, dieWithHost, runAs }, description, place),
  };
}

interface Programs {
  readonly prlimit: string | undefined;
  /** Put in front of the program, the kernel ends it with the host. */
  readonly dieWithHost: readonly string[];
  readonly runAs: RunAs | undefined;
}

async function enclose(
  { prlimit, dieWithHost, runAs }: Programs,
  description: LaunchDescription,
  place: LaunchPlace,
): Promise<CommandLine> {
  await place.verify?.(description.cwd);
  await assertProgram(description.command[0], description.cwd);
  const flags = description.runtime === 'other' ? [] : await permissionFlags(description, place.launchDir);
  const { onCommandLine, env } = handOver(flags, place.env);
  const [program, ...args] = programCommand(description, onCommandLine);
  const { uid } = place;
  // Where its user is the host's own, a limit on processes would count the host's and every other plugin's.
  const ownUser = uid !== undefined && runAs !== undefined;
  const [file = program, ...rest] = [
    // Before the word to the kernel, which a change of user takes back.
    ...(ownUser ? runAs.prefix(uid, description.limits?.cpu !== undefined) : []),
    ...dieWithHost,
    ...limitCommand(prlimit, description.limits, ownUser, description.atOnce),
    program,
    ...args,
  ];
  return { file, args: rest, env, cwd: description.cwd };
}

/**
 * Node repeats the model's flags to each Node that the plugin starts, in NODE_OPTIONS and without quotes: a path with a
 * space would end the list there, and what follows be lost. Such flags are said in NODE_OPTIONS from the start, quoted,
 * and whoever inherits the environment has them whole.
 */
function handOver(
  flags: readonly string[],
  env: Readonly<Record<string, string>>,
): { readonly onCommandLine: readonly string[]; readonly env: Readonly<Record<string, string>> } {
  if (!flags.some((flag) => /[\s"\\]/.test(flag))) return { onCommandLine: flags, env };
  const quoted = flags.map((flag) => `"${flag.replaceAll(/["\\]/g, String.raw`\$&`)}"`);
  return { onCommandLine: [], env: { ...env, NODE_OPTIONS: quoted.join(' ') } };
}

/**
 * Node's permission model with the same paths as the strict sandbox. Native add-ons go with `subprocess`: both are
 * ways past the model.
 */
async function permissionFlags(
  description: LaunchDescription,
  launchDir: string,
): Promise<readonly string[]> {
  const { cwd, reach, dataDir } = description;
  const beside = await pathsBeside(description, await realpath(cwd));
  const filesystem = reach?.filesystem ?? [];
  const writable = [
    launchDir,
    ...(dataDir === undefined ? [] : [dataDir]),
    ...filesystem.filter(({ access }) => access === 'rw').map(({ path }) => path),
  ];
  const readable = [cwd, ...beside, ...filesystem.map(({ path }) => path), ...writable];
  return [
    '--permission',
    // The host knows what it allows; a plugin's log is no place for it.
    '--disable-warning=SecurityWarning',
    ...(await withRealPaths(readable)).map((path) => `--allow-fs-read=${path}`),
    ...(await withRealPaths(writable)).map((path) => `--allow-fs-write=${path}`),
    '--allow-worker',
    ...(reach?.subprocess === true ? ['--allow-child-process', '--allow-addons'] : []),
  ];
}

/**
 * A path as written and without links: Node checks either, as it meets it. Each once, and a folder before what is in it:
 * Node 22 aborts at its start when it is told of a path twice, or of one that two earlier ones began with.
 */
async function withRealPaths(paths: readonly string[]): Promise<readonly string[]> {
  const real = await Promise.all(paths.map((path) => realpath(path).catch(() => path)));
  return [...new Set([...paths, ...real].map((path) => path.replace(/(?<=.)\/+$/, '')))].sort();
}
