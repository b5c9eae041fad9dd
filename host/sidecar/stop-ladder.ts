import type { Client } from '@grpc/grpc-js';
import { ErrorCode, isBulkheadError } from '@bulkhead/proto';
import { nativeCall } from '@bulkhead/proto/link';
import { ShutdownRequest } from '@bulkhead/proto/plugin';
import type { Clock } from '../clock.js';
import { waitAtMost } from './deadline.js';
import type { PluginProcess } from './plugin-process.js';
import type { ProcessLife } from './process-life.js';
import type { ExitReport } from './sidecar.js';

const SHUTDOWN_PATH = '/bulkhead.plugin.v1.PluginService/Shutdown';
const GO_SHUTDOWN_PATH = '/plugin.GRPCController/Shutdown';
/** A process that answered Shutdown only has to end; it gets no longer than this for it, in milliseconds. */
const EXIT_GRACE_MS = 2_000;
/** Of the drain time, how much calls in flight get; the rest is for the plugin's own shutdown and the answer. */
const IN_FLIGHT_SHARE = 0.9;

export interface StopBounds {
  readonly drainTimeoutMs: number;
  readonly termTimeoutMs: number;
}

export interface StopLadderParts {
  readonly life: ProcessLife;
  readonly process: PluginProcess;
  readonly client: Client;
  readonly clock: Clock;
  readonly bounds: StopBounds;
}

/**
 * Shutdown RPC, then SIGTERM, then SIGKILL to the whole group. Each rung has its bound, so the whole does: it
 * resolves within the sum of the two bounds and the kill's own.
 */
export async function stopProcess(parts: StopLadderParts, reason: string): Promise<ExitReport> {
  const { life, process, clock, bounds } = parts;
  life.because(reason);
  const drainedBy = clock.monotonic() + bounds.drainTimeoutMs;
  const answered = await waitAtMost(
    clock,
    Promise.race([life.exited, askToShutDown(parts, reason)]),
    bounds.drainTimeoutMs,
  );
  if (answered.kind === 'value') {
    const graceMs = Math.min(EXIT_GRACE_MS, Math.max(0, drainedBy - clock.monotonic()));
    const left = await life.endsWithin(graceMs);
    if (left !== undefined) return left;
  }
  process.signalGroup('SIGTERM');
  return (await life.endsWithin(bounds.termTimeoutMs)) ?? life.kill(reason);
}

/** Resolves when the plugin has answered, in whatever way; a deadline is the caller's to notice. */
async function askToShutDown(parts: StopLadderParts, reason: string): Promise<void> {
  const { client, clock, bounds } = parts;
  const timeoutMs = Math.max(1, bounds.drainTimeoutMs);
  const request = { drainTimeoutMs: Math.floor(timeoutMs * IN_FLIGHT_SHARE), reason };
  try {
    await nativeCall(client, clock, SHUTDOWN_PATH, ShutdownRequest.encode(request).finish(), { timeoutMs });
  } catch (error) {
    // UNAVAILABLE: a Go plugin is gone before it answers. Any other refusal is an answer too: SIGTERM comes next.
    if (!isBulkheadError(error) || error.code !== ErrorCode.UNKNOWN_METHOD) return;
    await nativeCall(client, clock, GO_SHUTDOWN_PATH, new Uint8Array(0), { timeoutMs }).catch(() => {});
  }
}
