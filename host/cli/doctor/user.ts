import type { Finding } from './finding.js';

/** Who the host runs as; undefined where the system has no such numbers. */
export function checkUser(uid: number | undefined): Finding {
  if (uid !== 0)
    return { check: 'user', level: 'ok', found: uid === undefined ? 'no user ids here' : `uid ${uid}` };
  return {
    check: 'user',
    level: 'warning',
    found: 'root',
    why: 'A plugin that gets out of its sandbox is root too, and the limit on processes does not bind root.',
    fix: 'Run it as a user of its own: useradd --system bulkhead && sudo -u bulkhead bulkhead start',
  };
}
