import { HealthState } from '@bulkhead/proto/plugin';
import type { Clock } from '../clock.js';
import { CHECK_PATH, askStandard } from './health.js';
import type { Transport } from './transport.js';

/** Between two questions, in milliseconds. */
const ASK_INTERVAL_MS = 100;

/**
 * Resolves when gRPC's standard health service says that the plugin serves: NOT_SERVING means that it takes no calls
 * yet. A plugin with a health check of our own is not asked: it serves once it is initialized, and what it says of its
 * health is its author's word. Has no time limit of its own; rejects when the plugin is gone.
 *
 * @param methods what the plugin announced in its Handshake
 */
export async function untilServing(
  transport: Transport,
  methods: readonly string[],
  clock: Clock,
  timeoutMs: number,
): Promise<void> {
  if (methods.includes(CHECK_PATH)) return;
  for (;;) {
    const report = await askStandard(transport, timeoutMs);
    if (report?.state !== HealthState.HEALTH_STATE_UNHEALTHY) return;
    await new Promise<void>((resolve) => {
      clock.after(ASK_INTERVAL_MS, resolve);
    });
  }
}
