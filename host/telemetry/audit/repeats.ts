import type { Clock } from '../../clock.js';
import type { Audit, AuditEntry } from '../audit.js';

export interface RepeatsOptions {
  /** Entries that say the same within this time are two at most, with their number. Default: 10 s. */
  readonly windowMs?: number;
  /** Different ones that are counted at one time; all further ones are counted together. Default: 10,000. */
  readonly maxCounted?: number;
  /** Different ones of one actor and action among them; its further ones are counted together. Default: 100. */
  readonly maxOfActor?: number;
}

const WINDOW_MS = 10_000;
const MAX_COUNTED = 10_000;
const MAX_OF_ACTOR = 100;
/** Who or what is meant when many are counted together. */
const OTHERS = 'others';

/** Takes what may happen all the time to the audit log without letting it fill the log. */
export class Repeats {
  readonly #audit: Audit;
  readonly #clock: Clock;
  readonly #windowMs: number;
  readonly #maxCounted: number;
  readonly #maxOfActor: number;
  /** How many different ones an actor has, by actor and action. */
  readonly #ofActor = new Map<string, number>();
  /** How often it happened again since the window opened. */
  readonly #again = new Map<string, number>();

  constructor(
    audit: Audit,
    clock: Clock,
    { windowMs = WINDOW_MS, maxCounted = MAX_COUNTED, maxOfActor = MAX_OF_ACTOR }: RepeatsOptions = {},
  ) {
    this.#audit = audit;
    this.#clock = clock;
    this.#windowMs = windowMs;
    this.#maxCounted = maxCounted;
    this.#maxOfActor = maxOfActor;
  }

  /** The first goes to the audit log at once; what follows within the window is counted and told at its end. */
  note(entry: AuditEntry): void {
    const { actor, action, target, code } = entry;
    const key = JSON.stringify([actor, action, target, code]);
    const ofActor = JSON.stringify([actor, action]);
    if (this.#again.has(key)) this.#count(key, ofActor, entry);
    else if (this.#again.size >= this.#maxCounted)
      this.#count(JSON.stringify([actor.kind, action, code]), actor.kind, {
        actor: { kind: actor.kind, id: OTHERS },
        action,
        target: OTHERS,
        outcome: entry.outcome,
        ...(code === undefined ? {} : { code }),
        reason: 'more of them happened than are told one by one',
      });
    // Its target may be anything that the actor makes up.
    else if ((this.#ofActor.get(ofActor) ?? 0) >= this.#maxOfActor)
      this.#count(JSON.stringify([actor, action]), ofActor, { ...entry, target: OTHERS });
    else this.#count(key, ofActor, entry);
  }

  #count(key: string, ofActor: string, entry: AuditEntry): void {
    const again = this.#again.get(key);
    if (again !== undefined) {
      this.#again.set(key, again + 1);
      return;
    }
    this.#tell(entry, 1);
    this.#again.set(key, 0);
    this.#ofActor.set(ofActor, (this.#ofActor.get(ofActor) ?? 0) + 1);
    this.#clock.after(this.#windowMs, () => {
      const times = this.#again.get(key) ?? 0;
      this.#again.delete(key);
      const left = (this.#ofActor.get(ofActor) ?? 1) - 1;
      if (left > 0) this.#ofActor.set(ofActor, left);
      else this.#ofActor.delete(ofActor);
      if (times > 0) this.#tell(entry, times);
    });
  }

  #tell(entry: AuditEntry, times: number): void {
    this.#audit.note({ ...entry, details: { ...entry.details, times } });
  }
}
