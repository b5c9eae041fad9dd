import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, readdirSync } from 'node:fs';
import { mkdtemp, open, rm, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { findProgram } from '../../host/sidecar/wall/find-program.js';
import type { Image } from './image.test-support.js';

/** What is needed to boot a Linux of its own, by software emulation, so that it needs nothing of this machine's. */
export type Machine =
  | { readonly kind: 'there'; readonly emulator: string; readonly kernel: string; readonly setpriv: string }
  | { readonly kind: 'missing' | 'unsupported'; readonly why: string };

export interface Boot {
  /** Each line on the second serial line. */
  readonly lines: readonly string[];
  /** What the kernel and the programs said besides. */
  readonly console: string;
}

/** Looks for the emulator, and for a kernel: BULKHEAD_TEST_KERNEL, else one that is installed. */
export async function findMachine(): Promise<Machine> {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return { kind: 'unsupported', why: 'made for Linux on x64' };
  const emulator = await findProgram('qemu-system-x86_64', process.env['PATH']);
  if (emulator === undefined) return { kind: 'missing', why: 'qemu-system-x86 is not installed' };
  const kernel = process.env['BULKHEAD_TEST_KERNEL'] || installedKernel();
  if (kernel === undefined)
    return { kind: 'missing', why: 'no kernel: BULKHEAD_TEST_KERNEL, or a readable /boot/vmlinuz-*' };
  const setpriv = await findProgram('setpriv');
  if (setpriv === undefined) return { kind: 'missing', why: 'setpriv is not installed' };
  return { kind: 'there', emulator, kernel, setpriv };
}

function installedKernel(): string | undefined {
  try {
    const kernels = readdirSync('/boot').filter((name) => name.startsWith('vmlinuz-'));
    const path = join('/boot', kernels.sort().at(-1) ?? 'none');
    accessSync(path, constants.R_OK);
    return path;
  } catch {
    return undefined;
  }
}

/**
 * Boots the image and waits for the end of the machine; `signal` ends it before. Neither the machine nor its files
 * outlive this process, however it ends.
 */
export async function boot(
  { emulator, kernel, setpriv }: Extract<Machine, { kind: 'there' }>,
  image: Image,
  signal: AbortSignal,
): Promise<Boot> {
  await using archive = await openNameless();
  await using console = await openNameless();
  await pipeline(Readable.from(image.archive()), archive.createWriteStream({ autoClose: false }), { signal });
  const child = spawn(setpriv, ['--pdeathsig', 'KILL', '--', emulator, ...argumentsFor(kernel)], {
    stdio: ['ignore', 'pipe', 'inherit', archive.fd, console.fd],
    signal,
    killSignal: 'SIGKILL',
  });
  // The signal's; its end is told by `exit`.
  child.on('error', () => {});
  if (child.stdout === null) throw new Error('the machine has no output');
  const exited = once(child, 'exit');
  const lines: string[] = [];
  for await (const line of createInterface(child.stdout)) lines.push(line);
  await exited;
  return { lines, console: await console.readFile('utf8') };
}

/** A file that is gone when nobody has it open any more. */
async function openNameless(): Promise<FileHandle> {
  const folder = await mkdtemp(join(tmpdir(), 'bh-kernel-'));
  try {
    return await open(join(folder, 'file'), 'w+');
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The archive and the file for the first serial line are on descriptors 3 and 4. */
function argumentsFor(kernel: string): readonly string[] {
  // With ramfs, pages of program files do not count as shared memory of whoever runs them, as on a disk.
  const commandLine = 'console=ttyS0 quiet panic=-1 rootfstype=ramfs';
  return [
    ['-accel', 'tcg,thread=multi'],
    ['-cpu', 'max', '-smp', '2', '-m', '2048'],
    ['-nodefaults', '-no-reboot', '-display', 'none'],
    ['-kernel', kernel, '-initrd', '/dev/fd/3', '-append', commandLine],
    ['-serial', 'file:/dev/fd/4', '-serial', 'stdio'],
  ].flat();
}
