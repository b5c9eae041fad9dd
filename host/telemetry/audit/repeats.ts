import type { Clock } from '../../clock.js';
import type { Audit, AuditEntry } from '../audit.js';

/** Entries that say the same within this time are two at most, with their number. */
const WINDOW_MS = 10_000;
/** Different ones that are counted at one time; a further one is an entry each time. */
const MAX_COUNTED = 10_000;

/** Takes what may happen all the time to the audit log without letting it fill the log. */
export class Repeats {
  readonly #audit: Audit;
  readonly #clock: Clock;
  /** How often it happened again since the window opened. */
  readonly #again = new Map<string, number>();

  constructor(audit: Audit, clock: Clock) {
    this.#audit = audit;
    this.#clock = clock;
  }

  /** The first goes to the audit log at once; what follows within the window is counted and told at its end. */
  note(entry: AuditEntry): void {
    const { actor, action, target, code } = entry;
    const key = JSON.stringify([actor, action, target, code]);
    const again = this.#again.get(key);
    if (again !== undefined) {
      this.#again.set(key, again + 1);
      return;
    }
    this.#tell(entry, 1);
    if (this.#again.size >= MAX_COUNTED) return;
    this.#again.set(key, 0);
    this.#clock.after(WINDOW_MS, () => {
      const times = this.#again.get(key) ?? 0;
      this.#again.delete(key);
      if (times > 0) this.#tell(entry, times);
    });
  }

  #tell(entry: AuditEntry, times: number): void {
    this.#audit.note({ ...entry, details: { ...entry.details, times } });
  }
}
