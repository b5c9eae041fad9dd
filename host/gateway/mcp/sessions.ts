import type { Clock } from '../../clock.js';
import type { Session } from './session.js';

export interface SessionLimits {
  /** A session without an open request for so long is ended. Default: 30 minutes. */
  readonly idleMs: number;
  /** Beyond it the longest idle session of the principal with the most makes room. Default: 1,000. */
  readonly max: number;
}

export const DEFAULT_SESSION_LIMITS: SessionLimits = { idleMs: 30 * 60_000, max: 1_000 };

/** How often idle sessions are looked for, in parts of the idle limit. */
const SWEEPS_PER_LIMIT = 4;

/** The open sessions of one endpoint. */
export interface Sessions extends Iterable<Session> {
  readonly size: number;
  /** The session of that id, if it is this principal's: nobody uses another's. */
  find(id: string, principal: string): Session | undefined;
  /** Whether one more fits, after an idle one has made room. */
  makeRoom(): boolean;
  add(session: Session): void;
  remove(session: Session): void;
  /** A request of it begins; the returned function ends it. */
  use(session: Session): () => void;
  close(): Promise<void>;
}

export function createSessions(
  limits: SessionLimits,
  clock: Clock,
  onError: (error: unknown) => void,
): Sessions {
  const byId = new Map<string, Session>();
  let cancelSweep = (): void => {};

  function end(session: Session): void {
    byId.delete(session.id);
    session.close().catch(onError);
  }

  function sweep(): void {
    const before = clock.monotonic() - limits.idleMs;
    for (const session of byId.values()) {
      if (session.open === 0 && session.lastSeen <= before) end(session);
    }
    plan();
  }

  function plan(): void {
    cancelSweep();
    cancelSweep =
      byId.size === 0 ? () => {} : clock.after(Math.ceil(limits.idleMs / SWEEPS_PER_LIMIT), sweep);
  }

  /** Whoever opens sessions without end pays with their own, not with those of others. */
  function longestIdleOfTheMost(): Session | undefined {
    const held = new Map<string, { count: number; oldest?: Session }>();
    for (const session of byId.values()) {
      const own = held.get(session.principal) ?? { count: 0 };
      held.set(session.principal, own);
      own.count += 1;
      if (session.open === 0 && (own.oldest === undefined || session.lastSeen < own.oldest.lastSeen))
        own.oldest = session;
    }
    const able = [...held.values()].filter(({ oldest }) => oldest !== undefined);
    return able.toSorted((a, b) => b.count - a.count)[0]?.oldest;
  }

  return {
    get size() {
      return byId.size;
    },
    [Symbol.iterator]: () => byId.values(),
    find(id, principal) {
      const session = byId.get(id);
      return session?.principal === principal ? session : undefined;
    },
    makeRoom() {
      if (byId.size < limits.max) return true;
      const oldest = longestIdleOfTheMost();
      if (oldest === undefined) return false;
      end(oldest);
      return true;
    },
    add(session) {
      session.lastSeen = clock.monotonic();
      byId.set(session.id, session);
      if (byId.size === 1) plan();
    },
    remove(session) {
      byId.delete(session.id);
    },
    use(session) {
      session.open += 1;
      session.lastSeen = clock.monotonic();
      let used = true;
      return () => {
        if (!used) return;
        used = false;
        session.open -= 1;
        session.lastSeen = clock.monotonic();
      };
    },
    async close() {
      cancelSweep();
      const all = [...byId.values()];
      byId.clear();
      await Promise.all(all.map((session) => session.close()));
    },
  };
}
