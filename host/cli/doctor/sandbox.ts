import type { SandboxProbe } from '../../sidecar/wall/probe-sandbox.js';
import type { Finding } from './finding.js';

const WHY_WALL =
  'Production demands the strict sandbox. Without it a plugin is held by the basic wall only, which has to be written out: own process, scrubbed environment, no isolation of files and network.';
const WHY_WEAKER = 'The strict sandbox works, and holds less than it could.';

/** What this machine offers to wall plugins in with: a trial's outcome as findings. */
export function judgeSandbox(probe: SandboxProbe): readonly Finding[] {
  if (probe.kind !== 'works') {
    return [{ check: 'sandbox', level: 'warning', found: probe.found, why: WHY_WALL, fix: probe.fix }];
  }
  const found = `strict works, with ${probe.version}`;
  if (probe.missing.length === 0) return [{ check: 'sandbox', level: 'ok', found }];
  return probe.missing.map((missing) => ({
    check: 'sandbox',
    level: 'warning',
    found: `${found}; ${missing}`,
    why: WHY_WEAKER,
    fix: 'Update bubblewrap to 0.8 or newer, and install util-linux.',
  }));
}
