import { inspect } from 'node:util';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { parseJson } from '@bulkhead/proto/json';
import { customHookSpec, type FieldSpec, type HookSpec } from '@bulkhead/proto/rules';

type Message = Readonly<Record<string, unknown>>;

/** A payload that is decoded when its first field is read, and whose JSON is parsed field by field. */
export type ViewClass = new (bytes: Uint8Array, start?: number, end?: number) => object;

/**
 * The view class of a hook: getters on a prototype, made once per hook, so that a call costs one small object and
 * a handler that does not look costs no decoding.
 */
export function createViewClass(spec: HookSpec): ViewClass {
  const names = Object.keys(spec.fields);

  class PayloadView {
    readonly #bytes: Uint8Array;
    readonly #start: number;
    readonly #end: number;
    #message: Message | undefined;
    #parsed: unknown[] | undefined;

    constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
      this.#bytes = bytes;
      this.#start = start;
      this.#end = end;
    }

    toJSON(): Message {
      const plain: Record<string, unknown> = {};
      for (const name of names) {
        const value: unknown = Reflect.get(this, name);
        if (value !== undefined) plain[name] = value;
      }
      return plain;
    }

    [inspect.custom](): Message {
      return this.toJSON();
    }

    static plain(view: PayloadView, wire: string): unknown {
      return (view.#message ??= decode(spec, view.#bytes.subarray(view.#start, view.#end)))[wire];
    }

    static json(view: PayloadView, field: FieldSpec, index: number): unknown {
      const parsed = (view.#parsed ??= []);
      if (index in parsed) return parsed[index];
      const text = PayloadView.plain(view, field.wire);
      const value = typeof text === 'string' && text !== '' ? parseJson(text) : field.fallback;
      parsed[index] = value;
      return value;
    }
  }

  names.forEach((name, index) => {
    const field = spec.fields[name];
    if (field === undefined) return;
    Object.defineProperty(PayloadView.prototype, name, {
      enumerable: true,
      get:
        field.kind === 'json'
          ? function (this: PayloadView) {
              return PayloadView.json(this, field, index);
            }
          : function (this: PayloadView) {
              return PayloadView.plain(this, field.wire);
            },
    });
  });
  return PayloadView;
}

/**
 * The view of a custom hook whose members this plugin's manifest does not list, because somebody else declares the hook:
 * the payload itself says which members there are.
 */
export function openView(name: string, bytes: Uint8Array): object {
  const members = Object.keys(decode(customHookSpec({ name, members: [] }), bytes));
  return new (createViewClass(customHookSpec({ name, members })))(bytes);
}

function decode(spec: HookSpec, bytes: Uint8Array): Message {
  try {
    return spec.codec.decode(bytes);
  } catch (error) {
    throw new BulkheadError(
      ErrorCode.PROTOCOL_ERROR,
      `payload of ${spec.name}: the bytes are no such message`,
      {
        cause: error,
      },
    );
  }
}
