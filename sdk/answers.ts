import type { Violation } from '@bulkhead/proto/rules';

/** The answer "go on, with these fields changed". Made by {@link modify}. */
export interface Modify<Changes extends object> {
  readonly kind: 'modify';
  readonly changes: Changes;
  /** Never there at run time. It makes a field that the hook does not let change a compile error. */
  readonly fields?: keyof Changes;
}

/** The answer "refuse the request". Made by {@link deny}. */
export interface Deny {
  readonly kind: 'deny';
  readonly violation: Violation;
}

/** Lets the request go on with the named fields changed. Fields that are not named stay as they were. */
export function modify<const Changes extends object>(changes: Changes): Modify<Changes> {
  return { kind: 'modify', changes };
}

/** Refuses the request. `code` and `reason` reach the caller, `details` only logs and records. */
export function deny(violation: Violation): Deny {
  return { kind: 'deny', violation };
}

/** How a plugin says that it is. */
export type HealthAnswer =
  | { readonly state: 'healthy' }
  | { readonly state: 'degraded'; readonly message: string }
  | { readonly state: 'unhealthy'; readonly message: string };

/** All is well. */
export function healthy(): HealthAnswer {
  return { state: 'healthy' };
}

/** The plugin serves on, and an operator should know why it is not quite well. */
export function degraded(message: string): HealthAnswer {
  return { state: 'degraded', message };
}

/** The plugin cannot serve: the host takes it out of rotation until it answers better. */
export function unhealthy(message: string): HealthAnswer {
  return { state: 'unhealthy', message };
}
