/** Length of each window in milliseconds. Windows start at whole multiples of it since the Unix epoch, in UTC. */
export const WINDOW_MS = { minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;

export type WindowName = keyof typeof WINDOW_MS;

export const WINDOW_NAMES: readonly WindowName[] = ['minute', 'hour', 'day'];

/** Number of the window that a time is in. */
export function windowAt(name: WindowName, nowMs: number): number {
  return Math.floor(nowMs / WINDOW_MS[name]);
}

/** When the window that a time is in ends, in milliseconds since the epoch. */
export function windowEnd(name: WindowName, nowMs: number): number {
  return (windowAt(name, nowMs) + 1) * WINDOW_MS[name];
}
