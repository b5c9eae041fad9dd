import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { dirname, delimiter } from 'node:path';
import { ROOT } from './step.mjs';

const LOOK_FOR_PARENT_MS = 250;
const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Runs the task in place of this script: its terminal, its signals, its exit code. The pinned Node comes first on
 * PATH, so that whatever the task starts runs on it too.
 * @returns {Promise<number>} exit code, 128 + the signal's number when a signal ended it
 */
export function handOver(node, args, env) {
  return new Promise((resolve, reject) => {
    const path = [dirname(node), process.env.PATH].filter(Boolean).join(delimiter);
    const child = spawn(node, args, {
      cwd: ROOT,
      stdio: 'inherit',
      env: { ...process.env, PATH: path, ...env },
    });
    for (const signal of FORWARDED) process.on(signal, () => child.kill(signal));
    // npm runs us through a shell that dies of a signal without passing it on. Nobody else would end the task then.
    if (process.env.npm_lifecycle_event) {
      const parent = process.ppid;
      const watch = setInterval(() => {
        if (process.ppid === parent) return;
        clearInterval(watch);
        child.kill('SIGTERM');
      }, LOOK_FOR_PARENT_MS);
      child.on('exit', () => clearInterval(watch));
    }
    child.on('error', reject);
    child.on('exit', (code, signal) =>
      resolve(signal ? 128 + (constants.signals[signal] ?? 0) : (code ?? 1)),
    );
  });
}
