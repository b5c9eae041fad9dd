/** From the least severe, as the protocol orders them. */
const LEVELS = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'] as const;

export function isLogLevel(level: string): boolean {
  return LEVELS.some((known) => known === level);
}

/** Whether a message passes a client's threshold; a client that set none gets all. */
export function passesLevel(level: unknown, threshold: string | undefined): boolean {
  if (threshold === undefined) return true;
  return LEVELS.findIndex((known) => known === level) >= LEVELS.findIndex((known) => known === threshold);
}

/** The least severe of these; undefined when there are none. */
export function leastSevere(levels: Iterable<string>): string | undefined {
  const wanted = new Set(levels);
  return LEVELS.find((known) => wanted.has(known));
}
