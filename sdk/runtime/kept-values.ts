import { parseJson, type JsonValue } from '@bulkhead/proto/json';
import { describe, isReservedKey } from '@bulkhead/proto/rules';
import type { KeptValues } from '../hook-context.js';

type Texts = Readonly<Record<string, string>>;

/** The text that stands for "remove this entry" in an answer. */
const REMOVED = '';

/** Named JSON values of one call: what came with it, and what its handler wrote. */
export class CallValues implements KeptValues {
  readonly #given: Texts;
  readonly #written: Record<string, string>;

  readonly #othersRead: boolean;

  /**
   * @param written receives what the handler writes, as JSON text
   * @param othersRead whether others see the values, so that names which the host keeps for itself are refused
   */
  constructor(given: Texts, written: Record<string, string>, othersRead: boolean) {
    this.#given = given;
    this.#written = written;
    this.#othersRead = othersRead;
  }

  get(key: string): JsonValue | undefined {
    const text = this.#text(key);
    return text === undefined || text === REMOVED ? undefined : parseJson(text);
  }

  has(key: string): boolean {
    const text = this.#text(key);
    return text !== undefined && text !== REMOVED;
  }

  set(key: string, value: JsonValue): void {
    this.#assertAllowed(key);
    const text: string | undefined = JSON.stringify(value);
    if (text === undefined) throw new TypeError(`'${key}': expected a JSON value, got ${describe(value)}`);
    this.#written[key] = text;
  }

  delete(key: string): void {
    this.#assertAllowed(key);
    this.#written[key] = REMOVED;
  }

  #assertAllowed(key: string): void {
    if (this.#othersRead && isReservedKey(key)) {
      throw new TypeError(`'${key}' is a name that the host keeps for itself; choose another`);
    }
  }

  #text(key: string): string | undefined {
    if (Object.hasOwn(this.#written, key)) return this.#written[key];
    return Object.hasOwn(this.#given, key) ? this.#given[key] : undefined;
  }
}

/** A fresh record for what a handler writes; without a prototype, so that any name is an entry. */
export function createWritten(): Record<string, string> {
  return Object.create(null) as Record<string, string>;
}
