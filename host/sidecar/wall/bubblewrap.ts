/** What this machine's bubblewrap understands beyond the oldest that is used. */
export interface BubblewrapFeatures {
  /** No user namespace can be made inside. */
  readonly disableUserns: boolean;
  /** A directory is bound as the descriptor that it was opened with. */
  readonly bindByDescriptor: boolean;
  /** The size of a temporary file system can be set. */
  readonly sizedTmpfs: boolean;
}

/** Reads the text of `bwrap --help`. */
export function parseFeatures(help: string): BubblewrapFeatures {
  return {
    disableUserns: help.includes('--disable-userns'),
    bindByDescriptor: help.includes('--ro-bind-fd'),
    sizedTmpfs: help.includes('--size'),
  };
}

/** Number of the only user inside; bubblewrap maps it to the host's own. */
const SANDBOX_UID = 65_534;
/** Room in the private /tmp, in bytes: it is memory. */
export const TMP_BYTES = 64 * 1024 * 1024;

/** One thing that is put into the sandbox at a path. */
export type Mount =
  | { readonly kind: 'ro' | 'rw'; readonly source: string; readonly target: string }
  /** The directory that is open on that descriptor of bubblewrap's, read-only. */
  | { readonly kind: 'ro-descriptor'; readonly descriptor: number; readonly target: string }
  /** A read-only file with what comes on that descriptor. */
  | { readonly kind: 'data'; readonly descriptor: number; readonly target: string }
  /** Empty memory, at most `TMP_BYTES` of it. */
  | { readonly kind: 'tmpfs'; readonly target: string }
  /** Nothing, and nothing can be put there. */
  | { readonly kind: 'hidden'; readonly target: string }
  /** The /proc of its own process namespace. */
  | { readonly kind: 'proc'; readonly target: string }
  /** null, zero, full, random, urandom, tty and its own pseudo-terminals. */
  | { readonly kind: 'dev'; readonly target: string };

export interface SandboxPlan {
  readonly features: BubblewrapFeatures;
  readonly mounts: readonly Mount[];
  /** Descriptors of bubblewrap's. */
  readonly status?: number;
  readonly seccomp?: number;
  readonly cwd: string;
  readonly command: readonly string[];
}

/** The arguments of bubblewrap for one plugin. The environment is what bubblewrap itself is started with. */
export function toArguments({
  features,
  mounts,
  status,
  seccomp,
  cwd,
  command,
}: SandboxPlan): readonly string[] {
  return [
    '--unshare-all',
    '--unshare-user',
    ...(features.disableUserns ? ['--disable-userns'] : []),
    '--uid',
    String(SANDBOX_UID),
    '--gid',
    String(SANDBOX_UID),
    '--die-with-parent',
    // Without it the plugin would share the host's session and terminal.
    '--new-session',
    '--hostname',
    'plugin',
    '--cap-drop',
    'ALL',
    ...parentsFirst(mounts).flatMap((mount) => mountArguments(mount, features)),
    // Places for later mounts were still to be made there. The root is a file system in memory too.
    ...mounts.flatMap(({ kind, target }) => (kind === 'hidden' ? ['--remount-ro', target] : [])),
    '--remount-ro',
    '/',
    ...(status === undefined ? [] : ['--json-status-fd', String(status)]),
    ...(seccomp === undefined ? [] : ['--seccomp', String(seccomp)]),
    '--chdir',
    cwd,
    '--',
    ...command,
  ];
}

/** What is mounted over the tree of another has to come after it; a longer path is never the parent of a shorter one. */
function parentsFirst(mounts: readonly Mount[]): readonly Mount[] {
  return mounts.toSorted((a, b) => a.target.length - b.target.length);
}

function mountArguments(mount: Mount, features: BubblewrapFeatures): readonly string[] {
  const { target } = mount;
  switch (mount.kind) {
    case 'ro':
      return ['--ro-bind', mount.source, target];
    case 'rw':
      return ['--bind', mount.source, target];
    case 'ro-descriptor':
      return ['--ro-bind-fd', String(mount.descriptor), target];
    case 'data':
      return ['--ro-bind-data', String(mount.descriptor), target];
    case 'tmpfs':
      return [...(features.sizedTmpfs ? ['--size', String(TMP_BYTES)] : []), '--tmpfs', target];
    case 'hidden':
      return ['--tmpfs', target];
    case 'proc':
      return ['--proc', target];
    case 'dev':
      // Its /dev/shm would be memory without a bound.
      return ['--dev', target, '--remount-ro', target];
  }
}

/** The only line of /etc/passwd inside; without one os.userInfo() throws. */
export function passwdLine(home: string): string {
  return `plugin:x:${SANDBOX_UID}:${SANDBOX_UID}:plugin:${home}:/\n`;
}
