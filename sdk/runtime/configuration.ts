import { parseJson } from '@bulkhead/proto/json';

/** Bindings have few configurations; past this many the oldest is parsed again when it comes back. */
const MAX_BINDINGS = 64;

/** The configuration of setup, and those that an operator's bindings send along with single calls. */
export class Configuration {
  readonly own: unknown;
  readonly #bindings = new Map<string, unknown>();

  constructor(configJson: string) {
    this.own = configJson === '' ? {} : parseJson(configJson);
  }

  /** @param bindingJson empty for a call without a binding */
  forCall(bindingJson: string): unknown {
    if (bindingJson === '') return this.own;
    if (this.#bindings.has(bindingJson)) return this.#bindings.get(bindingJson);
    if (this.#bindings.size >= MAX_BINDINGS) {
      const oldest = this.#bindings.keys().next();
      if (oldest.done !== true) this.#bindings.delete(oldest.value);
    }
    const parsed: unknown = parseJson(bindingJson);
    this.#bindings.set(bindingJson, parsed);
    return parsed;
  }
}
