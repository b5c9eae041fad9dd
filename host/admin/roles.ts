import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Actor } from '../telemetry/audit.js';

/** What somebody may do on the control plane; each may do what the ones before may. `metrics` reads `/metrics` and nothing else. */
export const ROLES = ['metrics', 'viewer', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

export function isRole(text: string): text is Role {
  return ROLES.some((role) => role === text);
}

/** Whether a role is enough. */
export function mayAct(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}

/** @throws FORBIDDEN when the caller's role is not enough */
export function assertRole({ role }: ApiCaller, needed: Role): void {
  if (mayAct(role, needed)) return;
  throw new BulkheadError(
    ErrorCode.FORBIDDEN,
    `expected the role '${needed}' or a higher one, got '${role}'`,
  );
}

/** Who asks, as the listener found out. */
export interface ApiCaller {
  readonly actor: Actor;
  readonly role: Role;
}
