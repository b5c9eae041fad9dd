import { BulkheadError, ErrorCode } from '@bulkhead/proto';

/** Parts of a topic. Each doubles the patterns that may fit it. */
export const MAX_TOPIC_PARTS = 10;
const MAX_TOPIC_BYTES = 255;
const PART = /^[A-Za-z0-9_-]+$/;

const ONE = '*';
const REST = '**';

/** @throws INVALID_ARGUMENT */
export function assertTopic(topic: string): void {
  const parts = topic.split('.');
  if (fits(topic, parts) && parts.every((part) => PART.test(part))) return;
  throw invalid('topic', topic, 'parts of letters, digits, _ and - with dots between');
}

/** @throws INVALID_ARGUMENT */
export function assertPattern(pattern: string): void {
  const parts = pattern.split('.');
  const good = parts.every(
    (part, index) => PART.test(part) || part === ONE || (part === REST && index === parts.length - 1),
  );
  if (fits(pattern, parts) && good) return;
  throw invalid('pattern', pattern, 'a topic in which * stands for one part and a last ** for one or more');
}

/**
 * Every pattern that fits a topic. An event finds its subscriptions by these, so that one statement does it, and no host has
 * to know what was subscribed to on another.
 */
export function patternsOf(topic: string): readonly string[] {
  const parts = topic.split('.');
  const patterns: string[] = [];
  let prefixes = [''];
  parts.forEach((part, index) => {
    for (const prefix of prefixes) patterns.push(prefix + REST);
    const dot = index === parts.length - 1 ? '' : '.';
    prefixes = prefixes.flatMap((prefix) => [`${prefix}${part}${dot}`, `${prefix}${ONE}${dot}`]);
  });
  return [...patterns, ...prefixes];
}

function fits(text: string, parts: readonly string[]): boolean {
  return parts.length <= MAX_TOPIC_PARTS && Buffer.byteLength(text) <= MAX_TOPIC_BYTES;
}

function invalid(field: string, text: string, expected: string): BulkheadError {
  return new BulkheadError(
    ErrorCode.INVALID_ARGUMENT,
    `expected ${expected}, at most ${MAX_TOPIC_PARTS} parts and ${MAX_TOPIC_BYTES} bytes; got ${JSON.stringify(text.slice(0, MAX_TOPIC_BYTES))}`,
    { field },
  );
}
