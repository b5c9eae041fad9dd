import { BulkheadError } from '@bulkhead/proto';
import type { FastifyRequest } from 'fastify';
import type { Clock } from '../clock.js';
import type { Audit } from '../telemetry/audit.js';
import { Repeats } from '../telemetry/audit/repeats.js';
import { assertRole, type ApiCaller, type Role } from './roles.js';

/** Whether a caller's role is enough for what was asked. @throws FORBIDDEN */
export type RoleCheck = (request: FastifyRequest, caller: ApiCaller, needed: Role) => void;

/** Over which time the same refusal is told at most twice, the second time with how often. */
const WINDOW_MS = 60_000;

/** A check that tells the audit log whom it refused what. */
export function createRoleCheck(audit: Audit, clock: Clock): RoleCheck {
  const repeats = new Repeats(audit, clock, { windowMs: WINDOW_MS });
  return ({ method, routeOptions }, caller, needed) => {
    try {
      assertRole(caller, needed);
    } catch (error) {
      const { code, message } = BulkheadError.from(error);
      repeats.note({
        actor: caller.actor,
        action: 'role.refused',
        // The route and not the address: what a caller writes into one makes no new entries.
        target: `${method} ${routeOptions.url ?? ''}`,
        outcome: 'denied',
        code,
        reason: message,
        details: { role: caller.role, needed },
      });
      throw error;
    }
  };
}
