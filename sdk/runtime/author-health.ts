import { HealthState } from '@bulkhead/proto/plugin';
import { describe, isPlainObject } from '@bulkhead/proto/rules';
import type { RuntimeClock } from './clock.js';
import { within } from './in-flight.js';

/** How long an author's `health()` may take; the host itself waits for a second. */
export const HEALTH_TIMEOUT_MS = 500;

export interface AuthorHealth {
  readonly state: HealthState;
  /** Why, when it is not healthy. */
  readonly message: string;
}

const HEALTHY: AuthorHealth = { state: HealthState.HEALTH_STATE_HEALTHY, message: '' };

/** Asks an author's `health()`, whatever it does: a thrown error is unhealthy, silence and nonsense are degraded. */
export async function askHealth(
  health: (() => unknown) | undefined,
  clock: RuntimeClock,
): Promise<AuthorHealth> {
  if (health === undefined) return HEALTHY;
  try {
    const answer = health();
    if (!(answer instanceof Promise)) return parseHealth(answer);
    return await within(answer.then(parseHealth), HEALTH_TIMEOUT_MS, clock, () =>
      degraded(`health() did not answer within ${HEALTH_TIMEOUT_MS} ms`),
    );
  } catch (error) {
    return {
      state: HealthState.HEALTH_STATE_UNHEALTHY,
      message: `health() failed: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
}

function parseHealth(answer: unknown): AuthorHealth {
  if (answer === undefined || answer === null) return HEALTHY;
  const message = isPlainObject(answer) ? answer['message'] : undefined;
  const text = typeof message === 'string' ? message : '';
  switch (isPlainObject(answer) ? answer['state'] : undefined) {
    case 'healthy':
      return HEALTHY;
    case 'degraded':
      return degraded(text);
    case 'unhealthy':
      return { state: HealthState.HEALTH_STATE_UNHEALTHY, message: text };
    default:
      return degraded(
        `health() answered ${describe(answer)}; expected nothing, healthy(), degraded('why') or unhealthy('why')`,
      );
  }
}

function degraded(message: string): AuthorHealth {
  return { state: HealthState.HEALTH_STATE_DEGRADED, message };
}
