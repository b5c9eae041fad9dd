import type { ProcessExit } from '../plugin-process.js';

/** How V8 ends a process that it can give no more memory: SIGTRAP or SIGABRT, which a shell's way is 133 and 134. */
const SIGNALS: ReadonlySet<string> = new Set(['SIGTRAP', 'SIGABRT']);
const CODES: ReadonlySet<number> = new Set([133, 134]);
const LAST_WORDS =
  /(?:JavaScript heap|Fatal process) out of memory|Allocation failed - process out of memory/i;

/** Whether a process ended because V8 gave up; `process.abort()` looks the same but for the words. */
export function isHeapExhausted({ exitCode, signal }: ProcessExit, lastLines: readonly string[]): boolean {
  const gaveUp = (signal !== null && SIGNALS.has(signal)) || (exitCode !== null && CODES.has(exitCode));
  return gaveUp && lastLines.some((line) => LAST_WORDS.test(line));
}

/** For people. */
export const HEAP_EXHAUSTED =
  "out of memory: V8 gave up at its heap's limit; look for a leak, or raise the plugin's limits.memory_mb";
