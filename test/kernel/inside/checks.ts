/** What is looked at where the host has no cgroup to divide, or had one before. */
export const PLACES = {
  root: 'the machine’s root cgroup is left as it is, and the doctor says so',
  plain: 'so is one that was not delegated',
  shared: 'so is one with other processes in it',
  delegated: 'one that was delegated is divided, and the doctor says so',
  container: 'so is that of a container, which it sees as its root',
  divided: 'nothing more can be started in it, but in the host’s leaf',
  neighbour: 'a second host in the leaf leaves the cells of the first alone',
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
export interface Session {
  readonly user: 'root' | 'operator';
  readonly walls: readonly Wall[];
}

/** What is done in the machine: as somebody, one wall after the other. */
export const SESSIONS = {
  operator: { user: 'operator', walls: ['strict', 'basic'] },
  root: { user: 'root', walls: ['strict'] },
} as const satisfies Record<string, Session>;

export function withPlugins(user: string, wall: string, what: keyof typeof PLUGINS): string {
  return `as ${user} behind the ${wall} wall: ${PLUGINS[what]}`;
}

export function allChecks(): readonly string[] {
  const kinds = Object.keys(PLUGINS) as (keyof typeof PLUGINS)[];
  return [
    ...Object.values(PLACES),
    ...Object.values(SESSIONS).flatMap(({ user, walls }) =>
      walls.flatMap((wall) => kinds.map((what) => withPlugins(user, wall, what))),
    ),
  ];
}

/** What a host says when it has come to the end of its checks. */
export const DONE = 'done';
