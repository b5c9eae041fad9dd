import { randomUUID } from 'node:crypto';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { EventServiceDefinition } from '@bulkhead/proto/host';
import { parseJson, type JsonValue } from '@bulkhead/proto/json';
import { createTwinMethods, unary, type TwinMethod, type TwinPlugin } from './twin-methods.js';

/** An event that the plugin published. */
export interface PublishedEvent {
  readonly id: string;
  readonly topic: string;
  readonly data: JsonValue;
}

/** Of a topic or a pattern. */
const MAX_TOPIC_CHARS = 255;
const TOPIC = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/;
const PATTERN = /^(?:[A-Za-z0-9_-]+|\*)(?:\.(?:[A-Za-z0-9_-]+|\*))*(?:\.\*\*)?$|^\*\*$/;

/** Events in memory: what was published stays to be looked at, what was subscribed to is delivered by `t.event`. */
export class EventsTwin {
  readonly published: PublishedEvent[] = [];
  readonly methods: readonly TwinMethod[];
  readonly #patterns = new Set<string>();

  constructor({ id }: TwinPlugin) {
    const { publish, subscribe, unsubscribe } = EventServiceDefinition.methods;
    this.methods = createTwinMethods(EventServiceDefinition, [
      unary(publish, ({ topic, dataJson }) => {
        assertText('topic', topic, TOPIC);
        if (!topic.startsWith(`${id}.`)) {
          throw new BulkheadError(
            ErrorCode.PERMISSION_DENIED,
            `topic: expected one under the plugin's own id, '${id}.', got '${topic}'`,
            { field: 'topic' },
          );
        }
        const event = { id: randomUUID(), topic, data: parseJson(dataJson) };
        this.published.push(event);
        return { eventId: event.id };
      }),
      unary(subscribe, ({ pattern }) => {
        assertText('pattern', pattern, PATTERN);
        this.#patterns.add(pattern);
        return { dropped: 0n };
      }),
      unary(unsubscribe, ({ pattern }) => {
        this.#patterns.delete(pattern);
        return {};
      }),
    ]);
  }

  /** What the plugin is subscribed to. */
  get patterns(): readonly string[] {
    return [...this.#patterns];
  }
}

function assertText(field: string, text: string, form: RegExp): void {
  if (text.length <= MAX_TOPIC_CHARS && form.test(text)) return;
  throw new BulkheadError(
    ErrorCode.INVALID_ARGUMENT,
    `${field}: '${text.slice(0, MAX_TOPIC_CHARS)}' is none`,
    {
      field,
    },
  );
}
