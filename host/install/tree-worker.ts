// Runs in a worker thread: verifying reads thousands of files and must not hold up the host's event loop.
import { parentPort } from 'node:worker_threads';
import { checkTree, type TreeCheck } from './tree-check.js';

parentPort?.on('message', ({ id, check }: { readonly id: number; readonly check: TreeCheck }) => {
  try {
    parentPort?.postMessage({ id, faults: checkTree(check) });
  } catch (error) {
    parentPort?.postMessage({ id, error: error instanceof Error ? error.message : String(error) });
  }
});
