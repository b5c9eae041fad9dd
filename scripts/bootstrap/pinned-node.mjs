import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT, StepFailed } from './step.mjs';

/** The oldest Node that can run Bulkhead where no pinned one exists for the platform. */
const OLDEST = [22, 13];

/**
 * The Node that everything after the install runs on: the pinned one among the packages, else the one that runs
 * this script if it is new enough.
 * @returns {string} path of the binary
 * @throws {StepFailed}
 */
export function findNode() {
  const system = process.platform === 'win32' ? 'win' : process.platform;
  const name = `node-${system}-${process.arch}`;
  const pinned = join(ROOT, 'node_modules', name, 'bin', system === 'win' ? 'node.exe' : 'node');
  const tried = spawnSync(pinned, ['--version'], { encoding: 'utf8' });
  if (tried.status === 0) return pinned;
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return process.execPath;
  throw new StepFailed(
    `Failed: finding a Node to run on.\nExpected the pinned binary (package ${name}) or Node ${OLDEST.join('.')} or newer, ` +
      `got Node ${process.versions.node} on ${process.platform} ${process.arch} ` +
      `(${tried.error?.message ?? `the pinned one ended with ${tried.status}`}).\nInstall Node 24 and run this again.`,
  );
}
