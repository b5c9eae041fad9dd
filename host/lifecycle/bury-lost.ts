import { ErrorCode, type BulkheadError } from '@bulkhead/proto';
import type { Clock } from '../clock.js';
import type { ExitReport, Sidecar } from '../sidecar/sidecar.js';
import { failureOf, type Failure } from './state.js';
import { TIMED_OUT, within } from './timing.js';

/** From the loss of the connection to the news of the process's end, when it ended by itself. */
const EXIT_GRACE_MS = 100;

/**
 * Makes sure that a lost process is gone, also one that only closed its connection, and tells how it ended.
 *
 * @param killMs how long its end is waited for once it was killed, in milliseconds
 */
export async function buryLost(
  sidecar: Sidecar,
  lost: BulkheadError,
  clock: Clock,
  killMs: number,
): Promise<Failure> {
  // A dying process loses its connection a moment before the kernel tells of its end.
  const ended = await within(clock, EXIT_GRACE_MS, sidecar.exited);
  if (ended !== TIMED_OUT) {
    // A limit that ended it says more than the connection that it lost.
    if (ended.code !== undefined)
      return { code: ended.code, message: ended.reason ?? lost.message, lastLines: ended.lastLines };
    const message = ended.reason === undefined ? `the process ended: ${howItEnded(ended)}` : lost.message;
    const code = ended.reason === undefined ? ErrorCode.PLUGIN_EXITED : lost.code;
    return { code, message, lastLines: ended.lastLines };
  }
  const killed = await within(clock, killMs, sidecar.kill(lost.message));
  if (killed === TIMED_OUT) return failureOf(lost);
  if (killed.code !== undefined)
    return { code: killed.code, message: killed.reason ?? lost.message, lastLines: killed.lastLines };
  // Its end was on the way already when the host took to killing it: then that is what happened.
  if (endedByItself(killed)) {
    const message = `the process ended: ${howItEnded(killed)} (${lost.message})`;
    return { code: ErrorCode.PLUGIN_EXITED, message, lastLines: killed.lastLines };
  }
  const { code, message } = failureOf(lost);
  return { code, message: `${message}; the host killed the process`, lastLines: killed.lastLines };
}

/** Whether the process was gone, or going, before the host's SIGKILL could be what ended it. */
function endedByItself({ reason, exitCode, signal }: ExitReport): boolean {
  return reason === undefined || exitCode !== null || (signal !== null && signal !== 'SIGKILL');
}

function howItEnded({ exitCode, signal }: ExitReport): string {
  return signal === null ? `exit code ${exitCode ?? 'unknown'}` : `signal ${signal}`;
}
