import { userInfo } from 'node:os';
import type { FastifyRequest } from 'fastify';
import type { ApiCaller } from './roles.js';

/** The person behind the command line, where it is another one than the daemon's user: whoever used sudo, say. */
export const ACTOR_HEADER = 'bulkhead-actor';
const MAX_ACTOR_CHARS = 100;

/** Who calls over the control socket: only its owner can open it, so what the command line says of the person is believed. */
export function socketCaller({ headers }: Pick<FastifyRequest, 'headers'>): ApiCaller {
  const said = headers[ACTOR_HEADER];
  const id = typeof said === 'string' && said !== '' ? decode(said) : daemonUser();
  return { actor: { kind: 'cli', id: id.slice(0, MAX_ACTOR_CHARS) }, role: 'admin' };
}

/** A header holds ASCII; a name may be more. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function daemonUser(): string {
  try {
    return userInfo().username;
  } catch {
    // A user id without an entry in the user database, as containers have.
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
