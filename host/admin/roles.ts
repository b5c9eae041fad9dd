import type { Actor } from '../telemetry/audit.js';

/** What somebody may do on the control plane; each may do what the ones before may. */
export type Role = 'viewer' | 'operator' | 'admin';

const RANK: Readonly<Record<Role, number>> = { viewer: 0, operator: 1, admin: 2 };

/** Whether a role is enough. */
export function mayAct(role: Role, needed: Role): boolean {
  return RANK[role] >= RANK[needed];
}

/** Who asks, as the listener found out. */
export interface ApiCaller {
  readonly actor: Actor;
  readonly role: Role;
}
