import { fileURLToPath } from 'node:url';
import type { CommandLine } from '../../../sidecar/command-line.js';
import { dieWithParent } from '../../../sidecar/wall/die-with-parent.js';
import { workerFile } from '../../../worker-file.js';

/** The heap of JavaScript, in MiB. */
const MAX_HEAP_MB = 128;
/**
 * What the kernel lets a process have of its own, in bytes. Far above what one uses, because V8 reserves half a GiB that it
 * never touches: it holds what grows faster than the host looks.
 */
const MAX_DATA_BYTES = 1.5 * 1024 ** 3;
const MAX_OPEN_FILES = 64;

/** Tells the program that nothing but itself ends it with the host. */
export const WATCH_PARENT = '--watch-parent';

/** How a process that asks a data source is started: with nothing of the host's environment, under the kernel's bounds, and gone with the host. */
export async function sourceCommand(
  nodePath: string,
  find: (program: string) => Promise<string | undefined>,
): Promise<CommandLine> {
  const [dieWithHost, prlimit] = await Promise.all([find('setpriv').then(dieWithParent), find('prlimit')]);
  const bounds = [`--data=${String(MAX_DATA_BYTES)}`, `--nofile=${String(MAX_OPEN_FILES)}`, '--core=0'];
  const before = [...dieWithHost, ...(prlimit === undefined ? [] : [prlimit, ...bounds, '--'])];
  const node = [
    `--max-old-space-size=${String(MAX_HEAP_MB)}`,
    '--disable-warning=ExperimentalWarning',
    fileURLToPath(workerFile(import.meta.url, './program.js')),
    ...(dieWithHost.length === 0 ? [WATCH_PARENT] : []),
  ];
  const [first, ...rest] = before;
  if (first === undefined) return { file: nodePath, args: node, env: {}, cwd: '/' };
  return { file: first, args: [...rest, nodePath, ...node], env: {}, cwd: '/' };
}
