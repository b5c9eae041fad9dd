import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface Peer {
  /** The Unix socket on which it listens. */
  readonly socket: string;
  stop(): Promise<void>;
}

/** Starts one of the peer servers beside this file and waits until it says that it listens. */
export async function startPeer(file: string): Promise<Peer> {
  const directory = await mkdtemp(join(tmpdir(), 'bench-'));
  const socket = join(directory, 's');
  const child: ChildProcess = spawn(process.execPath, [join(import.meta.dirname, file), socket], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (child.stdout === null) throw new Error('the peer has no stdout');
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  if (line !== 'listening') throw new Error(`${file} said ${line}`);
  return {
    socket,
    async stop() {
      const gone = once(child, 'exit');
      child.kill();
      await gone;
      await rm(directory, { recursive: true, force: true });
    },
  };
}
