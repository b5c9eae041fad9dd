import { closeSync, constants, openSync } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { CommandLine, Descriptor, LaunchPlace, Wall } from '../command-line.js';
import { programCommand } from '../limits/program-command.js';
import type { PluginUsers } from '../own-user/plugin-users.js';
import type { RunAs } from '../own-user/run-as.js';
import type { LaunchDescription } from '../sidecar.js';
import { passwdLine, toArguments, type BubblewrapFeatures, type Mount } from './bubblewrap.js';
import { assertProgram } from './find-program.js';
import { hide, isWithin, mountGranted } from './granted-paths.js';
import type { BoundFile } from './libraries.js';
import { pathsBeside } from './linked-packages.js';
import { limitCommand } from './rlimits.js';
import { adoptSandboxed } from './sandboxed-process.js';
import type { SystemFiles } from './system-files.js';

export interface StrictWallOptions {
  /** bubblewrap, absolute. */
  readonly program: string;
  readonly features: BubblewrapFeatures;
  readonly system: SystemFiles;
  /** The seccomp program, by whether the plugin may start processes; undefined where none is known. */
  readonly filter: (subprocess: boolean) => Buffer | undefined;
  /** Directories of the host's own, absolute: of them a plugin sees only what is its own. */
  readonly closed: readonly string[];
  /** Whom plugins run as, and how; undefined: always the host's user. */
  readonly users?: PluginUsers | undefined;
  readonly runAs?: RunAs | undefined;
}

/**
 * bubblewrap around each plugin: namespaces of its own, only the files that it needs, no capabilities, a seccomp
 * filter. Everything keeps the path that it has outside, so nothing has to be translated.
 */
export function createStrictWall(options: StrictWallOptions): Wall {
  return {
    kind: 'strict',
    privateSockets: true,
    ...(options.users === undefined ? {} : { users: options.users }),
    enclose: (description, place) => enclose(options, description, place),
  };
}

async function enclose(
  { program, features, system, filter, closed, runAs }: StrictWallOptions,
  description: LaunchDescription,
  place: LaunchPlace,
): Promise<CommandLine> {
  if (description.network === 'tcp') throw unreachable(description.name);
  const { cwd, limits, reach } = description;
  const root = await realpath(cwd);
  const own = await Promise.all(closed.map((path) => realpath(path).catch(() => path)));
  await assertProgram(description.command[0], cwd);
  const opened = [
    ...bind(system.certificates),
    ...programMounts(description, system),
    ...(await bindPaths(await pathsBeside(description, root))),
    ...(await mountGranted(reach?.filesystem ?? [], own)),
  ];
  const descriptors = new Descriptors();
  try {
    const status = descriptors.add({ kind: 'report' });
    const passwd = descriptors.add({ kind: 'data', bytes: Buffer.from(passwdLine(place.launchDir)) });
    const seccomp = filter(reach?.subprocess ?? false);
    const packaged = mountPackage(root, cwd, features, descriptors);
    await place.verify?.(descriptors.firstOpened ?? root);
    await assertSameTree(cwd, descriptors.firstOpened ?? root);
    const user = place.uid === undefined ? [] : (runAs?.prefix(place.uid, limits?.cpu !== undefined) ?? []);
    const [file = program, ...before] = [...user, program];
    const args = toArguments({
      features,
      mounts: [
        { kind: 'proc', target: '/proc' },
        { kind: 'dev', target: '/dev' },
        { kind: 'tmpfs', target: '/tmp' },
        { kind: 'data', descriptor: passwd, target: '/etc/passwd' },
        ...opened,
        ...packaged,
        ...hide(own, [...opened, { kind: 'ro', source: root, target: root }]),
        ...ownDirectories(description, place),
      ],
      status,
      ...(seccomp === undefined ? {} : { seccomp: descriptors.add({ kind: 'data', bytes: seccomp }) }),
      cwd,
      command: [...limitCommand(system.prlimit, limits, true), ...programCommand(description)],
    });
    return {
      file,
      args: [...before, ...args],
      env: place.env,
      // bubblewrap itself is at home nowhere.
      cwd: '/',
      descriptors: descriptors.list,
      adopt: adoptSandboxed,
    };
  } catch (error) {
    descriptors.close();
    throw error;
  }
}

/** The descriptors that bubblewrap gets, numbered as it sees them. */
class Descriptors {
  readonly list: Descriptor[] = [];

  add(descriptor: Descriptor): number {
    const standard = 3;
    return standard + this.list.push(descriptor) - 1;
  }

  /** A way to what is open on the first of them that stays the same whatever happens to its path. */
  get firstOpened(): string | undefined {
    const first = this.list.find((descriptor) => descriptor.kind === 'open');
    return first === undefined ? undefined : `/proc/self/fd/${first.descriptor}`;
  }

  close(): void {
    for (const descriptor of this.list) if (descriptor.kind === 'open') closeSync(descriptor.descriptor);
  }
}

/** The package, by a descriptor where that is possible: what was verified is then what runs. */
function mountPackage(
  root: string,
  cwd: string,
  features: BubblewrapFeatures,
  descriptors: Descriptors,
): readonly Mount[] {
  const targets = [...new Set([root, cwd])];
  if (!features.bindByDescriptor) return targets.map((target) => ({ kind: 'ro', source: root, target }));
  return targets.map((target) => {
    const directory = descriptors.firstOpened ?? root;
    const descriptor = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
    return { kind: 'ro-descriptor', descriptor: descriptors.add({ kind: 'open', descriptor }), target };
  });
}

/**
 * What is verified by its path must be what is bound. From here on the path may lead anywhere.
 *
 * @throws BulkheadError FILE_CHANGED
 */
async function assertSameTree(path: string, bound: string): Promise<void> {
  const [there, here] = await Promise.all([stat(path), stat(bound)]);
  if (there.dev === here.dev && there.ino === here.ino) return;
  throw new BulkheadError(
    ErrorCode.FILE_CHANGED,
    `${path} became another directory while it was verified; find out who may write to the folder that it lies in`,
    { retryable: true },
  );
}

/**
 * The program with what it needs to run. Of Node and the limiting program that is known; one that is not Node gets the
 * system's folders, and what lies in these is there with them.
 */
function programMounts(
  { command: [file], runtime }: LaunchDescription,
  system: SystemFiles,
): readonly Mount[] {
  const program = isAbsolute(file) ? [{ source: file, target: file }] : [];
  if (runtime !== 'other') return bind([...system.programs, ...program]);
  const elsewhere = program.filter(
    ({ target }) => !system.folders.some((folder) => isWithin(target, folder.target)),
  );
  return bind([...system.folders, ...elsewhere]);
}

async function bindPaths(paths: readonly string[]): Promise<readonly Mount[]> {
  const bound = await Promise.all(
    paths.map(async (target) => {
      const source = await realpath(target);
      return [...new Set([source, target])].map((path) => ({ source, target: path }));
    }),
  );
  return bind(bound.flat());
}

function bind(files: readonly BoundFile[]): readonly Mount[] {
  return files.map(({ source, target }) => ({ kind: 'ro', source, target }));
}

/** What the plugin may write to, under the paths that host and plugin both use. */
function ownDirectories(
  { dataDir }: LaunchDescription,
  { launchDir, socketsDir }: LaunchPlace,
): readonly Mount[] {
  const own = [launchDir, ...(dataDir === undefined ? [] : [dataDir])];
  return [
    ...(socketsDir === launchDir ? [] : bind([{ source: socketsDir, target: socketsDir }])),
    ...own.map((path) => ({ kind: 'rw', source: path, target: path }) as const),
  ];
}

function unreachable(name: string): BulkheadError {
  return new BulkheadError(
    ErrorCode.SANDBOX_UNAVAILABLE,
    `plugin '${name}' has network: tcp, and the strict sandbox has a loopback of its own that the host cannot reach; ` +
      'use network: unix, or host.sandbox: basic',
  );
}
