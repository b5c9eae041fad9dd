import type { Clock } from '../../clock.js';
import type { Audit, AuditEntry } from '../audit.js';

export interface RepeatsOptions {
  /** Entries that say the same within this time are two at most, with their number. Default: 10 s. */
  readonly windowMs?: number;
  /** Different ones that are counted at one time; all further ones are counted together. Default: 10,000. */
  readonly maxCounted?: number;
}

const WINDOW_MS = 10_000;
const MAX_COUNTED = 10_000;
/** Who or what is meant when many are counted together. */
const OTHERS = 'others';

/** Takes what may happen all the time to the audit log without letting it fill the log. */
export class Repeats {
  readonly #audit: Audit;
  readonly #clock: Clock;
  readonly #windowMs: number;
  readonly #maxCounted: number;
  /** How often it happened again since the window opened. */
  readonly #again = new Map<string, number>();

  constructor(
    audit: Audit,
    clock: Clock,
    { windowMs = WINDOW_MS, maxCounted = MAX_COUNTED }: RepeatsOptions = {},
  ) {
    this.#audit = audit;
    this.#clock = clock;
    this.#windowMs = windowMs;
    this.#maxCounted = maxCounted;
  }

  /** The first goes to the audit log at once; what follows within the window is counted and told at its end. */
  note(entry: AuditEntry): void {
    const { actor, action, target, code } = entry;
    const key = JSON.stringify([actor, action, target, code]);
    if (this.#again.has(key) || this.#again.size < this.#maxCounted) this.#count(key, entry);
    else
      this.#count(JSON.stringify([actor.kind, action, code]), {
        ...entry,
        actor: { kind: actor.kind, id: OTHERS },
        target: OTHERS,
      });
  }

  #count(key: string, entry: AuditEntry): void {
    const again = this.#again.get(key);
    if (again !== undefined) {
      this.#again.set(key, again + 1);
      return;
    }
    this.#tell(entry, 1);
    this.#again.set(key, 0);
    this.#clock.after(this.#windowMs, () => {
      const times = this.#again.get(key) ?? 0;
      this.#again.delete(key);
      if (times > 0) this.#tell(entry, times);
    });
  }

  #tell(entry: AuditEntry, times: number): void {
    this.#audit.note({ ...entry, details: { ...entry.details, times } });
  }
}
