import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, createWriteStream, readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
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

/** Boots the image and waits for the end of the machine; `signal` ends it before. It never outlives this process. */
export async function boot(
  { emulator, kernel, setpriv }: Extract<Machine, { kind: 'there' }>,
  image: Image,
  signal: AbortSignal,
): Promise<Boot> {
  const folder = await mkdtemp(join(tmpdir(), 'bh-kernel-'));
  const [archive, console] = [join(folder, 'image'), join(folder, 'console')];
  try {
    await pipeline(Readable.from(image.archive()), createWriteStream(archive), { signal });
    const child = spawn(
      setpriv,
      ['--pdeathsig', 'KILL', '--', emulator, ...argumentsFor(kernel, archive, console)],
      { stdio: ['ignore', 'pipe', 'inherit'], signal, killSignal: 'SIGKILL' },
    );
    // The signal's; its end is told by `exit`.
    child.on('error', () => {});
    const exited = once(child, 'exit');
    const lines: string[] = [];
    for await (const line of createInterface(child.stdout)) {
      lines.push(line);
      // It was read at the start, and is large: nothing of it is to stay when the tests are killed.
      await rm(archive, { force: true });
    }
    await exited;
    return { lines, console: await readFile(console, 'utf8').catch(() => '') };
  } finally {
    await rm(folder, { recursive: true });
  }
}

function argumentsFor(kernel: string, archive: string, console: string): readonly string[] {
  // With ramfs, pages of program files do not count as shared memory of whoever runs them, as on a disk.
  const commandLine = 'console=ttyS0 quiet panic=-1 rootfstype=ramfs';
  return [
    ['-accel', 'tcg,thread=multi'],
    ['-cpu', 'max', '-smp', '2', '-m', '2048'],
    ['-nodefaults', '-no-reboot', '-display', 'none'],
    ['-kernel', kernel, '-initrd', archive, '-append', commandLine],
    ['-serial', `file:${console}`, '-serial', 'stdio'],
  ].flat();
}
