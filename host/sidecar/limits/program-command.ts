import type { LaunchDescription } from '../sidecar.js';

/** Of a plugin's memory, how much V8 may take for JavaScript's heap; the rest is for buffers, code and Node itself. */
const HEAP_SHARE = 0.75;
const MIB = 1024 * 1024;

/**
 * The plugin's program and arguments. Node is told how large its heap may grow, so that it collects harder near its
 * limit and ends with words of its own, rather than being killed in the middle.
 *
 * @param flags further ones for Node
 */
export function programCommand(
  { command: [file, ...args], runtime, limits }: LaunchDescription,
  flags: readonly string[] = [],
): readonly [file: string, ...args: string[]] {
  if (runtime === 'other') return [file, ...args];
  const { memoryBytes } = limits ?? {};
  const heap =
    memoryBytes === undefined
      ? []
      : [`--max-old-space-size=${Math.max(1, Math.floor((memoryBytes / MIB) * HEAP_SHARE))}`];
  return [file, ...heap, ...flags, ...args];
}
