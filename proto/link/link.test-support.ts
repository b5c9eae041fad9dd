import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials, Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import type { Frame } from './frame.js';
import { Link, type LinkOptions } from './link.js';
import type { LinkClock } from './deadlines.js';
import { linkServiceDefinition, openLinkStream } from './service.js';

/** Two ends of a stream in one process; what is written on one side arrives on the other in a later turn. */
export class PipeEnd extends EventEmitter {
  readonly written: Frame[] = [];
  peer: PipeEnd | undefined;
  /** While true, `write` asks the writer to wait. */
  full = false;
  #paused = false;
  #held: Frame[] = [];

  get paused(): boolean {
    return this.#paused;
  }

  /** What a side says that is no link of ours. */
  send(frame: Partial<Frame>): void {
    this.write({ calls: [], replies: [], cancels: [], parts: [], ...frame });
  }

  write(frame: Frame, onWritten?: () => void): boolean {
    this.written.push(frame);
    setImmediate(() => {
      this.peer?.arrive(frame);
      onWritten?.();
    });
    return !this.full;
  }

  arrive(frame: Frame): void {
    if (this.#paused) this.#held.push(frame);
    else this.emit('data', frame);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    for (const frame of this.#held.splice(0)) this.arrive(frame);
  }

  end(): void {
    setImmediate(() => this.peer?.emit('end'));
  }
}

export function createPipe(): [PipeEnd, PipeEnd] {
  const [left, right] = [new PipeEnd(), new PipeEnd()];
  left.peer = right;
  right.peer = left;
  return [left, right];
}

/** Time that stands still until told. */
export class ManualClock implements LinkClock {
  #now = 0;
  #timers = new Set<{ at: number; callback: () => void }>();

  monotonic(): number {
    return this.#now;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { at: this.#now + delayMs, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  advance(ms: number): void {
    this.#now += ms;
    for (const timer of this.#timers) {
      if (timer.at > this.#now) continue;
      this.#timers.delete(timer);
      timer.callback();
    }
  }
}

export interface RealPair {
  readonly near: Link;
  readonly far: Link;
  readonly server: Server;
  close(): void;
}

/** Two links over a real gRPC stream on a real Unix socket. */
export async function connectRealLinks(near: LinkOptions, far: LinkOptions): Promise<RealPair> {
  const directory = mkdtempSync(join(tmpdir(), 'link-'));
  const target = `unix:${join(directory, 's')}`;
  const server = new Server();
  const accepted = new Promise<Link>((resolve) => {
    server.addService(linkServiceDefinition, {
      open: (stream: ServerDuplexStream<Frame, Frame>) => {
        resolve(new Link(stream, far));
      },
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(target, ServerCredentials.createInsecure(), (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
  const client = new Client(target, credentials.createInsecure());
  const nearLink = new Link(openLinkStream(client), near);
  return {
    near: nearLink,
    far: await accepted,
    server,
    close() {
      nearLink.close();
      client.close();
      server.forceShutdown();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
