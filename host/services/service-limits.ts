import type { ServiceBudgets } from '../config/service-budgets.js';
import type { Rate } from './token-bucket.js';

/** What the calls of a plugin count as. */
export type CallClass = 'kv' | 'read' | 'change' | 'free';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;

/** The rate of a class under a plugin's budgets. */
export function rateOf(kind: Exclude<CallClass, 'free'>, budgets: ServiceBudgets): Rate {
  switch (kind) {
    case 'kv':
      return { count: budgets.kvPerSecond, perMs: SECOND_MS };
    case 'read':
      return { count: budgets.readsPerMinute, perMs: MINUTE_MS };
    case 'change':
      return { count: budgets.changesPerMinute, perMs: MINUTE_MS };
  }
}

/** Scopes whose calls change something that the host keeps, besides those that end in `.write`. */
const CHANGING: ReadonlySet<string> = new Set([
  'tools.operations',
  'events.publish',
  'events.subscribe',
  'schedules.manage',
]);

/** Bytes that count as one operation. Answers of the key-value namespace are read by threads of their own, writes wait for one. */
const REQUEST_BYTES_PER_OPERATION = { kv: 1_024, read: 32 * 1024, change: 32 * 1024 } as const;
const ANSWER_BYTES_PER_OPERATION = { kv: 4 * 1024, read: 32 * 1024, change: 32 * 1024 } as const;

/** What a call counts as before it is let through: its operations, or its bytes where these are more. */
export function costOfRequest(kind: Exclude<CallClass, 'free'>, operations: number, bytes: number): number {
  return Math.max(operations, Math.ceil(bytes / REQUEST_BYTES_PER_OPERATION[kind]));
}

/** What its answer counts as besides. */
export function costOfAnswer(kind: Exclude<CallClass, 'free'>, bytes: number): number {
  return Math.floor(bytes / ANSWER_BYTES_PER_OPERATION[kind]);
}

/** The class of a method by its scope. Log lines have a rate of their own. */
export function callClass(scope: string): CallClass {
  if (scope === 'none') return 'free';
  if (scope.startsWith('kv.')) return 'kv';
  return scope.endsWith('.write') || CHANGING.has(scope) ? 'change' : 'read';
}
