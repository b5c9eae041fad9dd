/** One call of an object hook. */
export interface RecordedCall {
  /** Counts from 1 over the life of the process. */
  readonly number: number;
  readonly at: string;
  readonly object: string;
  readonly hook: string;
  readonly object_id: string | null;
  readonly operation_id: string;
  readonly user_id: string | null;
  readonly dry_run: boolean;
  /** Fields in which an update differs from what was there. */
  readonly changed: readonly string[];
  readonly value?: unknown;
}

/** The newest calls, up to a bound. */
export class Recording {
  readonly #keep: number;
  #calls: RecordedCall[] = [];
  #number = 0;
  #dropped = 0;

  constructor(keep: number) {
    this.#keep = keep;
  }

  /** Calls that made room for newer ones. */
  get dropped(): number {
    return this.#dropped;
  }

  add(call: Omit<RecordedCall, 'number'>): RecordedCall {
    this.#number += 1;
    const recorded = { number: this.#number, ...call };
    this.#calls.push(recorded);
    if (this.#calls.length > this.#keep) {
      this.#calls.shift();
      this.#dropped += 1;
    }
    return recorded;
  }

  /** Oldest first. */
  find(matches: (call: RecordedCall) => boolean): readonly RecordedCall[] {
    return this.#calls.filter(matches);
  }

  /** @returns how many there were */
  clear(): number {
    const count = this.#calls.length;
    this.#calls = [];
    this.#dropped = 0;
    return count;
  }
}

/** Names of the fields in which two objects differ, what the host itself writes aside. */
export function changedFields(before: object | undefined, after: object): readonly string[] {
  if (before === undefined) return [];
  const old = new Map<string, unknown>(Object.entries(before));
  const fresh = new Map<string, unknown>(Object.entries(after));
  return [...new Set([...old.keys(), ...fresh.keys()])].filter(
    (name) => !HOSTS.has(name) && JSON.stringify(old.get(name)) !== JSON.stringify(fresh.get(name)),
  );
}

const HOSTS: ReadonlySet<string> = new Set(['etag', 'updated_at']);
