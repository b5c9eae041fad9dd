import { readFile } from 'node:fs/promises';
import { execa } from 'execa';
import { parseFeatures, toArguments, type BubblewrapFeatures } from './bubblewrap.js';
import type { RunAs } from '../own-user/run-as.js';
import { findProgram } from './find-program.js';
import { createFilter } from './seccomp/filter.js';
import { findSystemFiles, type SystemFiles } from './system-files.js';

const PROBE_TIMEOUT_MS = 10_000;
const MAX_OUTPUT_BYTES = 64 * 1024;

/** Whether strict sandboxes can be made here. */
export type SandboxProbe =
  | {
      readonly kind: 'works';
      readonly program: string;
      /** For example `bubblewrap 0.8.0`. */
      readonly version: string;
      readonly features: BubblewrapFeatures;
      readonly system: SystemFiles;
      /** What is weaker than it could be, for people. */
      readonly missing: readonly string[];
    }
  | SandboxFault;

export interface SandboxFault {
  readonly kind: 'unsupported' | 'not-installed' | 'refused';
  /** What was found. */
  readonly found: string;
  /** The command or the change that mends it. */
  readonly fix: string;
}

export interface ProbeOptions {
  readonly platform: NodeJS.Platform;
  /** Node's name of the processor. */
  readonly arch: string;
  /** The Node that runs plugins, absolute. */
  readonly node: string;
  /** The daemon's PATH. */
  readonly searchPath?: string | undefined;
  /** Folders where bubblewrap is looked for. Default: the system's, then `searchPath`. */
  readonly programs?: readonly string[];
  /** Reads what the system says of itself; rejects when there is no such file. Default: the files. */
  readonly readSystem?: (file: string) => Promise<string>;
  /** Put in front of bubblewrap, to try it as another user. */
  readonly before?: readonly [file: string, ...args: string[]];
}

/** Makes one sandbox as a plugin gets it and runs Node in it. Never rejects. */
export async function probeSandbox(options: ProbeOptions): Promise<SandboxProbe> {
  const { platform, arch, node, searchPath, programs, readSystem = readText, before } = options;
  if (platform !== 'linux') {
    return {
      kind: 'unsupported',
      found: `strict sandboxes need Linux, this is ${platform}`,
      fix: 'run production hosts on Linux, or write host.sandbox: basic',
    };
  }
  const program = await findProgram('bwrap', searchPath, programs);
  if (program === undefined) {
    return {
      kind: 'not-installed',
      found: 'bubblewrap is not installed',
      fix: "install the package 'bubblewrap' (apt-get install bubblewrap, dnf install bubblewrap, apk add bubblewrap); in a container, in its image",
    };
  }
  try {
    const [help, version] = await Promise.all([run(program, ['--help']), run(program, ['--version'])]);
    const features = parseFeatures(help.output);
    const system = await findSystemFiles(node, searchPath);
    const tried = await trySandbox(
      before === undefined ? [program] : [...before, program],
      features,
      system,
      arch,
    );
    if (!tried.ok) return await explainRefusal(tried.output, readSystem);
    const missing = [
      ...(features.disableUserns
        ? []
        : ['bubblewrap is older than 0.8: user namespaces inside are only refused by the call filter']),
      ...(features.bindByDescriptor
        ? []
        : ['bubblewrap is older than 0.8: the package is bound by its path, not by a descriptor']),
      ...(features.sizedTmpfs ? [] : ['bubblewrap is older than 0.7: the private /tmp has no size limit']),
      ...(createFilter({ arch, subprocess: false }) === undefined
        ? [`no system call filter is known for ${arch}`]
        : []),
      ...(system.prlimit === undefined
        ? ['prlimit (package util-linux) is missing: no limit on open files, and processes are only watched']
        : []),
    ];
    return { kind: 'works', program, version: version.output.trim(), features, system, missing };
  } catch (error) {
    const text = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    return {
      kind: 'refused',
      found: `the sandbox could not be tried: ${text}`,
      fix: 'see `bulkhead doctor`, or write host.sandbox: basic',
    };
  }
}

interface Outcome {
  readonly ok: boolean;
  readonly output: string;
}

async function run(program: string, args: readonly string[], input?: Uint8Array): Promise<Outcome> {
  const { exitCode, all } = await execa(program, args, {
    reject: false,
    all: true,
    timeout: PROBE_TIMEOUT_MS,
    maxBuffer: MAX_OUTPUT_BYTES,
    extendEnv: false,
    env: { LC_ALL: 'C' },
    cwd: '/',
    stdio: ['ignore', 'pipe', 'pipe', ...(input === undefined ? [] : [input])],
  });
  return { ok: exitCode === 0, output: all };
}

const SECCOMP_DESCRIPTOR = 3;

function trySandbox(
  command: readonly [file: string, ...args: string[]],
  features: BubblewrapFeatures,
  system: SystemFiles,
  arch: string,
): Promise<Outcome> {
  const filter = createFilter({ arch, subprocess: false });
  const args = toArguments({
    features,
    mounts: [
      { kind: 'proc', target: '/proc' },
      { kind: 'dev', target: '/dev' },
      { kind: 'tmpfs', target: '/tmp' },
      ...system.programs.map(({ source, target }) => ({ kind: 'ro', source, target }) as const),
    ],
    ...(filter === undefined ? {} : { seccomp: SECCOMP_DESCRIPTOR }),
    cwd: '/',
    command: [system.node, '--version'],
  });
  const [file, ...rest] = command;
  return run(file, [...rest, ...args], filter);
}

/** What a refusal is due to, by bubblewrap's words and what the system says of itself. */
export async function explainRefusal(
  output: string,
  readSystem: (file: string) => Promise<string>,
): Promise<SandboxFault> {
  const said = output.trim().split('\n')[0] ?? '';
  const found = (why: string): string => `bubblewrap cannot make a sandbox here: ${why} (it says: ${said})`;
  const setting = async (file: string): Promise<string> => (await readSystem(file).catch(() => '')).trim();
  if ((await setting('/proc/sys/user/max_user_namespaces')) === '0') {
    return {
      kind: 'refused',
      found: found('user namespaces are switched off'),
      fix: 'sysctl -w user.max_user_namespaces=15000 (on the machine itself, when this is a container)',
    };
  }
  if ((await setting('/proc/sys/kernel/unprivileged_userns_clone')) === '0') {
    return {
      kind: 'refused',
      found: found('user namespaces are kept to root'),
      fix: 'sysctl -w kernel.unprivileged_userns_clone=1 (on the machine itself, when this is a container)',
    };
  }
  if (await isContainer(readSystem)) {
    return {
      kind: 'refused',
      found: found('the container refuses it'),
      fix:
        'allow user namespaces and mounts in the container: docker run --security-opt seccomp=unconfined ' +
        '--security-opt apparmor=unconfined --security-opt systempaths=unconfined, or a seccomp profile that allows ' +
        'clone, unshare, mount, umount2 and pivot_root; in Kubernetes, procMount: Unmasked with hostUsers: false; ' +
        'else the container is the wall: write host.sandbox: basic',
    };
  }
  if ((await setting('/proc/sys/kernel/apparmor_restrict_unprivileged_userns')) === '1') {
    return {
      kind: 'refused',
      found: found('AppArmor restricts user namespaces (Ubuntu 23.10 and newer)'),
      fix:
        'allow bwrap in AppArmor: install the package apparmor-profiles and ' +
        'ln -s /usr/share/apparmor/extra-profiles/bwrap-userns-restrict /etc/apparmor.d/ && systemctl reload apparmor; ' +
        'or sysctl -w kernel.apparmor_restrict_unprivileged_userns=0',
    };
  }
  return {
    kind: 'refused',
    found: found('the system refuses it'),
    fix: 'allow user namespaces to the user that runs the host, or write host.sandbox: basic',
  };
}

/** Docker's mark, and what containerd and Kubernetes leave in the first process's environment or cgroup. */
async function isContainer(readSystem: (file: string) => Promise<string>): Promise<boolean> {
  const has = (file: string, text: RegExp): Promise<boolean> =>
    readSystem(file).then(
      (content) => text.test(content),
      () => false,
    );
  return (
    (await has('/.dockerenv', /(?:)/)) ||
    (await has('/run/.containerenv', /(?:)/)) ||
    (await has('/proc/1/cgroup', /docker|kubepods|containerd|libpod|lxc/))
  );
}

function readText(file: string): Promise<string> {
  return readFile(file, 'utf8');
}

/** Says what keeps another user from making sandboxes; undefined when it can. */
export function sandboxOfUser(
  options: ProbeOptions,
): (runAs: RunAs, uid: number) => Promise<string | undefined> {
  return async (runAs, uid) => {
    const probe = await probeSandbox({ ...options, before: runAs.prefix(uid) });
    return probe.kind === 'works' ? undefined : `as uid ${uid}, ${probe.found}`;
  };
}
