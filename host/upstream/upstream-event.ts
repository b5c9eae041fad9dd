import type { JsonObject } from '@bulkhead/proto/json';
import type { Attribution } from './relay-transport.js';

/** Where an upstream stands. */
export type UpstreamState =
  /** Being started or reached; entered at the beginning and after each wait. */
  | { readonly kind: 'connecting' }
  /** Past its handshake, and serving. */
  | { readonly kind: 'ready' }
  /** Down; tried again after a while. */
  | { readonly kind: 'waiting'; readonly reason: string; readonly delayMs: number }
  /** Down too often; left alone for minutes. */
  | { readonly kind: 'quarantined'; readonly reason: string; readonly delayMs: number }
  /** Ended by the host; final. */
  | { readonly kind: 'stopped' };

export type UpstreamEvent =
  | { readonly kind: 'state'; readonly state: UpstreamState }
  /** A list may be different now: the upstream said so, or it came or went. */
  | {
      readonly kind: 'list_changed';
      readonly list: 'tools' | 'prompts' | 'resources';
      readonly params?: JsonObject;
    }
  | { readonly kind: 'resource_updated'; readonly params: JsonObject }
  | { readonly kind: 'log'; readonly params: JsonObject; readonly attribution: Attribution }
  | {
      readonly kind: 'notification';
      readonly method: string;
      readonly params: JsonObject | undefined;
      readonly attribution: Attribution;
    };

const LIST_CHANGED = /^notifications\/(tools|prompts|resources)\/list_changed$/;

/** What a notification of the upstream means. */
export function eventOf(
  method: string,
  params: JsonObject | undefined,
  attribution: Attribution,
): UpstreamEvent {
  const list = LIST_CHANGED.exec(method)?.[1];
  if (list === 'tools' || list === 'prompts' || list === 'resources') {
    return { kind: 'list_changed', list, ...(params === undefined ? {} : { params }) };
  }
  if (params !== undefined && method === 'notifications/resources/updated') {
    return { kind: 'resource_updated', params };
  }
  if (params !== undefined && method === 'notifications/message') return { kind: 'log', params, attribution };
  return { kind: 'notification', method, params, attribution };
}
