import { ErrorCode, isBulkheadError } from '@bulkhead/proto';

export type StoreHealth = { readonly ok: true } | { readonly ok: false; readonly reason: string };

export interface HealthWatch {
  now(): StoreHealth;
  /** A call was answered. */
  answered(): void;
  /** A call failed; only what is the store's own fault counts. */
  failed(error: unknown): void;
  close(): void;
}

/** While the store is down it is asked this often, in milliseconds, so that it is known to be back without a caller's help. */
const PROBE_INTERVAL_MS = 1_000;

const DOWN: ReadonlySet<ErrorCode> = new Set([
  ErrorCode.STORE_UNAVAILABLE,
  ErrorCode.STORE_FULL,
  ErrorCode.STORE_CORRUPT,
]);

/** @param probe asks the store for anything; its failure is told by rejecting */
export function watchHealth(probe: () => Promise<unknown>): HealthWatch {
  let health: StoreHealth = { ok: true };
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  const watch: HealthWatch = {
    now: () => health,
    answered() {
      if (health.ok) return;
      health = { ok: true };
      clearTimeout(timer);
      timer = undefined;
    },
    failed(error) {
      if (closed || !isBulkheadError(error) || !DOWN.has(error.code)) return;
      health = { ok: false, reason: `${error.code}: ${error.message}` };
      timer ??= setTimeout(() => {
        timer = undefined;
        probe().then(watch.answered, watch.failed);
      }, PROBE_INTERVAL_MS).unref();
    },
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
  return watch;
}
