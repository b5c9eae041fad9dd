/** What is looked at where the host has no cgroup to divide, or had one before. */
export const PLACES = {
  root: 'the machine’s root cgroup is left as it is, and the doctor says so',
  plain: 'so is one that was not delegated',
  shared: 'so is one with other processes in it',
  delegated: 'one that was delegated is divided, and the doctor says so',
  container: 'so is that of a container, which it sees as its root',
  divided: 'nothing more can be started in it, but in the host’s leaf',
  neighbour:
    'a second host in the leaf leaves the cells of the first alone, and the doctor knows of the first',
  swept: 'what a host left that was killed with kill -9 is ended by the next',
} as const;

/** What is looked at with plugins. */
export const PLUGINS = {
  cells: 'each plugin is in a cell of its own, with its limits',
  forks: 'a fork bomb gets no further than its limit, and others are answered meanwhile',
  throttled: 'it gets no more of the processors than its share',
  ended: 'it is ended as a whole, and its cell is gone',
  threads: 'a thread bomb gets no further than its limit, and its plugin serves on',
  memory: 'a plugin that eats memory is ended by the kernel, the reason says so, and its cell is gone',
} as const;

export type Wall = 'strict' | 'basic';
export type User = 'operator' | 'root';
/** `short` is what every run of the tests has time for. */
export type Extent = 'short' | 'long';

/** Who runs a host in the machine, and the walls of its plugins, one after the other. */
const SESSIONS: Readonly<Record<Extent, Readonly<Partial<Record<User, readonly Wall[]>>>>> = {
  short: { operator: ['strict'] },
  long: { operator: ['strict', 'basic'], root: ['strict'] },
};

export function wallsOf(user: User, extent: Extent): readonly Wall[] {
  return SESSIONS[extent][user] ?? [];
}

export function withPlugins(user: User, wall: Wall, what: keyof typeof PLUGINS): string {
  return `as ${user} behind the ${wall} wall: ${PLUGINS[what]}`;
}

export function allChecks(extent: Extent): readonly string[] {
  const kinds = Object.keys(PLUGINS) as (keyof typeof PLUGINS)[];
  return [
    ...Object.values(PLACES),
    ...(['operator', 'root'] as const).flatMap((user) =>
      wallsOf(user, extent).flatMap((wall) => kinds.map((what) => withPlugins(user, wall, what))),
    ),
  ];
}

/** What a host says when it has come to the end of its checks. */
export const DONE = 'done';
