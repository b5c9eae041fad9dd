import { ErrorCode } from '@bulkhead/proto';
import type { Clock } from '../../clock.js';
import type { Store } from '../../store/store.js';
import { HOST_ACTOR, type AuditEntry } from '../audit.js';
import type { Logger } from '../logger.js';
import { HEADS_ACTION, type ChainPlace } from './chain.js';
import type { HostKey } from './host-key.js';
import { readOtherHeads } from './other-heads.js';
import { pruneChain } from './prune.js';
import { Sweeps } from './sweeps.js';
import { TakeOver } from './take-over.js';

/** How often it is looked for what other writers left, for other hosts' heads and for what is old. */
const SWEEP_MS = 10_000;
const HEADS_MS = 300_000;
const PRUNE_MS = 3_600_000;
const DAY_MS = 86_400_000;

export interface ChainCareOptions {
  readonly store: Store;
  readonly key: HostKey;
  readonly clock: Clock;
  readonly log: Logger;
  /** Older entries go. Absent: all are kept. */
  readonly keepDays?: number;
  /** Takes what the log has to say about itself. */
  readonly note: (entry: AuditEntry) => void;
  /** Chains what waits in the store. */
  readonly run: () => void;
}

/** Looks after a chain now and again: what others left, where their chains end, what is old. */
export class ChainCare {
  readonly #options: ChainCareOptions;
  readonly #takeOver: TakeOver;
  readonly #sweeps: Sweeps;
  #lastHeads = '';

  constructor(options: ChainCareOptions) {
    this.#options = options;
    const { store, key, clock, log } = options;
    this.#takeOver = new TakeOver(store, key.hostId, clock);
    this.#sweeps = new Sweeps(clock, (error) => {
      log.error({ err: error }, 'the audit log could not be looked after; tried again later');
    });
  }

  /**
   * A chain that is shorter than it was is told in the chain itself; the file's note goes with the next write.
   *
   * @param head where the chain ends @param noted where this host had noted that it does
   */
  compare(head: ChainPlace | undefined, noted: ChainPlace | undefined): void {
    if (head === undefined || noted === undefined || noted.seq <= head.seq) return;
    const reason = `the chain ends at entry ${head.seq}; this host had written up to ${noted.seq}`;
    this.#options.log.error({ ...noted }, `the audit log has lost its end: ${reason}`);
    this.#options.note({
      actor: HOST_ACTOR,
      action: 'audit.end_missing',
      outcome: 'error',
      code: ErrorCode.AUDIT_BROKEN,
      reason,
      details: { seq: noted.seq, hash: noted.hash },
    });
  }

  async start(): Promise<void> {
    this.#sweeps.every(SWEEP_MS, () => this.#sweep());
    this.#sweeps.every(HEADS_MS, () => this.#noteOtherHeads());
    this.#sweeps.every(PRUNE_MS, () => this.#prune());
    await this.#noteOtherHeads();
    await this.#prune();
  }

  stop(): void {
    this.#sweeps.stop();
  }

  /** What a command of this data directory left, and what hosts left that are gone. */
  async #sweep(): Promise<void> {
    const { run, note } = this.#options;
    run();
    for (const { host, count } of await this.#takeOver.look()) {
      note({
        actor: HOST_ACTOR,
        action: 'audit.taken_over',
        outcome: 'allowed',
        reason: 'that host did not take them into its own chain',
        details: { host, count },
      });
      run();
    }
  }

  async #noteOtherHeads(): Promise<void> {
    const heads = await readOtherHeads(this.#options.store, this.#options.key.hostId);
    const text = JSON.stringify(heads);
    if (heads.length === 0 || text === this.#lastHeads) return;
    this.#lastHeads = text;
    this.#options.note({ actor: HOST_ACTOR, action: HEADS_ACTION, outcome: 'allowed', details: { heads } });
  }

  async #prune(): Promise<void> {
    const { store, key, clock, keepDays, note } = this.#options;
    if (keepDays === undefined) return;
    const pruned = await pruneChain(store, key, clock.now() - keepDays * DAY_MS, clock.now());
    if (pruned === undefined) return;
    note({
      actor: HOST_ACTOR,
      action: 'audit.pruned',
      outcome: 'allowed',
      details: { up_to: pruned.seq, hash: pruned.hash, keep_days: keepDays },
    });
  }
}
