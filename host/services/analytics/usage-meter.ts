import type { Clock } from '../../clock.js';
import type { Store } from '../../store/store.js';
import type { Logger } from '../../telemetry/logger.js';

export type UsageKind = 'hook' | 'tool' | 'service';

/** One thing that was used. */
export interface Use {
  readonly kind: UsageKind;
  /** The configured entry's name; empty for a tool that no plugin has. */
  readonly plugin: string;
  /** The hook, the tool (`server/tool`) or the method. */
  readonly name: string;
  /** Empty when no app is behind it. */
  readonly appId: string;
  readonly outcome: 'ok' | 'denied' | 'failed';
  readonly durationMs: number;
}

export interface Counts {
  calls: number;
  denied: number;
  failed: number;
  durationMs: number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Counts reach the store this long after they are made; a host that is killed loses that much. */
const FLUSH_MS = 5_000;
/** Different things between two flushes; beyond them a kind is counted without names. */
const MAX_PENDING = 10_000;
/** Rows of one write. */
const ROWS_PER_WRITE = 500;
const PRUNE_EVERY_MS = HOUR_MS;

interface Pending extends Counts {
  readonly hourMs: number;
  readonly use: Pick<Use, 'kind' | 'plugin' | 'name' | 'appId'>;
}

export interface UsageMeterOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly keepDays: number;
}

/** Counts what is used, by the hour. Observing costs a look-up; the store hears of it later. */
export class UsageMeter {
  readonly #options: UsageMeterOptions;
  #pending = new Map<string, Pending>();
  #flushing: Promise<void> = Promise.resolve();
  #cancelFlush: (() => void) | undefined;
  #prunedMs = -Infinity;

  constructor(options: UsageMeterOptions) {
    this.#options = options;
  }

  observe(use: Use): void {
    const hourMs = Math.floor(this.#options.clock.now() / HOUR_MS) * HOUR_MS;
    const full = this.#pending.size >= MAX_PENDING;
    const key = keyOf(hourMs, use);
    let counts = this.#pending.get(key);
    if (counts === undefined) {
      const counted = full ? { kind: use.kind, plugin: '', name: '', appId: '' } : use;
      const { kind, plugin, name, appId } = counted;
      const countedKey = full ? keyOf(hourMs, counted) : key;
      counts = this.#pending.get(countedKey);
      if (counts === undefined) {
        counts = {
          hourMs,
          use: { kind, plugin, name, appId },
          calls: 0,
          denied: 0,
          failed: 0,
          durationMs: 0,
        };
        this.#pending.set(countedKey, counts);
      }
    }
    counts.calls += 1;
    counts.durationMs += use.durationMs;
    if (use.outcome === 'denied') counts.denied += 1;
    if (use.outcome === 'failed') counts.failed += 1;
    this.#cancelFlush ??= this.#options.clock.after(FLUSH_MS, () => {
      void this.flush();
    });
  }

  /** Resolves when everything so far stands in the store, or could not be written; never rejects. */
  flush(): Promise<void> {
    this.#cancelFlush?.();
    this.#cancelFlush = undefined;
    this.#flushing = this.#flushing.then(() => this.#write());
    return this.#flushing;
  }

  async #write(): Promise<void> {
    const { store, log, clock, keepDays } = this.#options;
    // In one order on every host: rows of two hosts that write the same ones must not wait for each other in a ring.
    const rows = [...this.#pending]
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([, row]) => row);
    this.#pending = new Map();
    for (let from = 0; from < rows.length; from += ROWS_PER_WRITE) {
      const some = rows.slice(from, from + ROWS_PER_WRITE);
      try {
        await writeRows(store, some);
      } catch (error) {
        log.warn({ err: error, lost: some.length }, 'usage could not be written and is not counted');
      }
    }
    if (clock.monotonic() - this.#prunedMs < PRUNE_EVERY_MS) return;
    this.#prunedMs = clock.monotonic();
    try {
      await store.db
        .deleteFrom('usage')
        .where('hour_ms', '<', clock.now() - keepDays * DAY_MS)
        .execute();
    } catch (error) {
      log.warn({ err: error }, 'old usage could not be removed');
    }
  }
}

function keyOf(
  hourMs: number,
  { kind, plugin, name, appId }: Pick<Use, 'kind' | 'plugin' | 'name' | 'appId'>,
) {
  return `${hourMs}\0${kind}\0${plugin}\0${name}\0${appId}`;
}

async function writeRows({ db }: Store, rows: readonly Pending[]): Promise<void> {
  await db
    .insertInto('usage')
    .values(
      rows.map(({ hourMs, use, calls, denied, failed, durationMs }) => ({
        hour_ms: hourMs,
        kind: use.kind,
        plugin: use.plugin,
        name: use.name,
        app_id: use.appId,
        calls,
        denied,
        failed,
        duration_ms: durationMs,
      })),
    )
    .onConflict((conflict) =>
      conflict.columns(['hour_ms', 'kind', 'plugin', 'name', 'app_id']).doUpdateSet((of) => ({
        calls: of('usage.calls', '+', of.ref('excluded.calls')),
        denied: of('usage.denied', '+', of.ref('excluded.denied')),
        failed: of('usage.failed', '+', of.ref('excluded.failed')),
        duration_ms: of('usage.duration_ms', '+', of.ref('excluded.duration_ms')),
      })),
    )
    .execute();
}
