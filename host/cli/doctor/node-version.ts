import type { Finding } from './finding.js';

const OLDEST = [22, 13] as const;
const TESTED_MAJOR = 24;

/** Whether this Node is one that Bulkhead runs on; `version` as in process.versions.node. */
export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const fix = `Install Node ${TESTED_MAJOR}, or start through \`npm start\`, which brings its own.`;
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    const why = `Bulkhead needs Node ${OLDEST.join('.')} or newer: its store and its JSON handling are part of it.`;
    return { check: 'node', level: 'error', found: version, why, fix };
  }
  if (major === TESTED_MAJOR) return { check: 'node', level: 'ok', found: version };
  const why = `Bulkhead is tested on Node ${TESTED_MAJOR}; others work as far as is known.`;
  return { check: 'node', level: 'warning', found: version, why, fix };
}
