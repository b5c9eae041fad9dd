import { JsonText, parseJson, stringifyJson } from '@bulkhead/proto/json';
import { encodePayload, type HookSpec, type Payload } from '@bulkhead/proto/rules';
import { extractFields, type FieldSelection } from './field-selection.js';

/** How one plugin sees payloads of a hook. */
export interface PayloadView {
  /** Header fields reach only a plugin that may read them. */
  readonly headers: boolean;
  /** Only these places; undefined: everything. */
  readonly selection: FieldSelection | undefined;
}

/** Names of a hook's fields that are not headers; undefined when it has none that are. */
export function fieldsWithoutHeaders(spec: HookSpec): readonly string[] | undefined {
  const names = Object.keys(spec.fields);
  const rest = names.filter((name) => spec.fields[name]?.kind !== 'headers');
  return rest.length === names.length ? undefined : rest;
}

/** One version of a payload on its way through the plugins. Its bytes are made once and shared by all who see the same. */
export class Snapshot {
  readonly payload: Payload;
  readonly #spec: HookSpec;
  readonly #withoutHeaders: readonly string[] | undefined;
  #whole: Uint8Array | undefined;
  #bare: Uint8Array | undefined;

  constructor(spec: HookSpec, withoutHeaders: readonly string[] | undefined, payload: Payload) {
    this.#spec = spec;
    this.#withoutHeaders = withoutHeaders;
    this.payload = payload;
  }

  /** The next version, after a change. */
  next(payload: Payload): Snapshot {
    return new Snapshot(this.#spec, this.#withoutHeaders, payload);
  }

  bytes(view: PayloadView): Uint8Array {
    const only = view.headers ? undefined : this.#withoutHeaders;
    if (view.selection !== undefined) return encodePayload(this.#spec, this.#selected(view.selection), only);
    if (only === undefined) return (this.#whole ??= encodePayload(this.#spec, this.payload));
    return (this.#bare ??= encodePayload(this.#spec, this.payload, only));
  }

  #selected(selection: FieldSelection): Payload {
    const custom = this.#spec.family === 'custom';
    const selected: Record<string, unknown> = {};
    for (const name of Object.keys(this.payload)) {
      const value = this.payload[name];
      const tree = selection.get(name);
      if (tree !== undefined && value instanceof JsonText) {
        selected[name] = new JsonText(stringifyJson(extractFields(tree, parseJson(value.text))));
      } else if (!custom) selected[name] = value;
    }
    return selected;
  }
}
