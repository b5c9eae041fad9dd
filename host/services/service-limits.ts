import type { Rate } from './token-bucket.js';

/** What the calls of a plugin count as. */
export type CallClass = 'kv' | 'read' | 'mutation' | 'free';

/** How often one plugin may ask the host. */
export type ServiceLimits = Readonly<Record<Exclude<CallClass, 'free'>, Rate>>;

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;

export const DEFAULT_SERVICE_LIMITS: ServiceLimits = {
  kv: { count: 20_000, perMs: SECOND_MS },
  read: { count: 10_000, perMs: MINUTE_MS },
  mutation: { count: 1_000, perMs: MINUTE_MS },
};

/** Scopes whose calls change something that the host keeps, besides those that end in `.write`. */
const MUTATING: ReadonlySet<string> = new Set([
  'tools.operations',
  'events.publish',
  'events.subscribe',
  'schedules.manage',
]);

/** The class of a method by its scope. Log lines have a rate of their own. */
export function callClass(scope: string): CallClass {
  if (scope === 'none') return 'free';
  if (scope.startsWith('kv.')) return 'kv';
  return scope.endsWith('.write') || MUTATING.has(scope) ? 'mutation' : 'read';
}
