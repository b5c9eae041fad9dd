import { randomBytes } from 'node:crypto';
import type { JSONRPCMessage } from '@modelcontextprotocol/client';
import { parseJson, type JsonValue } from '@bulkhead/proto/json';

/** A message as it came, with the id of the request on whose stream it came. */
export interface Stashed {
  readonly message: JSONRPCMessage;
  readonly related: string | number | undefined;
}

/**
 * Carries messages past the protocol package's own `JSON.parse`, which would round their numbers: the package reads a
 * stub in their place, and the stub is changed back afterwards.
 */
export interface MessageStash {
  /** Keeps the message and gives the JSON text of its stub. Text that is no message comes back as it is. */
  put(text: string, related: string | number | undefined): string;
  /** The message behind a stub; undefined for a message that is none. */
  take(stub: JSONRPCMessage): Stashed | undefined;
}

/** Stubs that nobody redeems (a stream that breaks in between) are dropped, oldest first. */
const MAX_STASHED = 10_000;

export function createMessageStash(): MessageStash {
  const key = `stub-${randomBytes(12).toString('hex')}`;
  const kept = new Map<
    number,
    { readonly message: Record<string, JsonValue>; readonly related: string | number | undefined }
  >();
  let next = 0;
  return {
    put(text, related) {
      let value: JsonValue;
      try {
        value = parseJson(text);
      } catch {
        return text;
      }
      if (typeof value !== 'object' || value === null || Array.isArray(value) || !('jsonrpc' in value))
        return text;
      const message: Record<string, JsonValue> = { ...value };
      const ref = next++;
      kept.set(ref, { message, related });
      if (kept.size > MAX_STASHED) {
        for (const oldest of kept.keys()) {
          kept.delete(oldest);
          break;
        }
      }
      // The transport must still see whether it is an answer, and to what: its reconnection hangs on it.
      const stub =
        'id' in message && !('method' in message)
          ? { jsonrpc: '2.0', id: message['id'], result: { [key]: ref } }
          : { jsonrpc: '2.0', method: 'notifications/stub', params: { [key]: ref } };
      return JSON.stringify(stub);
    },
    take(stub) {
      const holder: unknown = 'result' in stub ? stub.result : 'params' in stub ? stub.params : undefined;
      if (typeof holder !== 'object' || holder === null || !(key in holder)) return undefined;
      const ref: unknown = Reflect.get(holder, key);
      const entry = typeof ref === 'number' ? kept.get(ref) : undefined;
      if (entry === undefined || typeof ref !== 'number') return undefined;
      kept.delete(ref);
      // A replayed answer carries the id of the request that it answers now.
      const message = 'result' in stub && 'id' in stub ? { ...entry.message, id: stub.id } : entry.message;
      return isMessage(message) ? { message, related: entry.related } : undefined;
    },
  };
}

function isMessage(value: object): value is JSONRPCMessage {
  return 'jsonrpc' in value && value.jsonrpc === '2.0';
}
