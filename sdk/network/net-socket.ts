import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { formatDestination } from '@bulkhead/proto/rules';
import type { ConnectOptions, NetSocket } from './client.js';
import type { Dial } from './tunnel.js';

type Done = (error?: Error | null) => void;

/** A connection that is being opened, with the face of a `net.Socket`. */
class DialledSocket extends Duplex implements NetSocket {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly encrypted: boolean;
  connecting = true;
  readonly #options: ConnectOptions;
  readonly #dial: Dial;
  readonly #gone = new AbortController();
  /** Wishes from before the connection is open. */
  readonly #wishes: ((socket: Socket) => void)[] = [];
  #socket: Socket | undefined;

  constructor(options: ConnectOptions, dial: Dial) {
    super({ allowHalfOpen: false });
    this.#options = options;
    this.#dial = dial;
    this.remoteAddress = options.host;
    this.remotePort = options.port;
    this.encrypted = options.tls !== undefined && options.tls !== false;
  }

  override _construct(done: Done): void {
    // The class is not whole yet while its base's constructor runs; this is called a tick later.
    this.#dial(this.#options, this.#gone.signal).then(
      (socket) => {
        if (this.destroyed) {
          socket.destroy();
          done();
          return;
        }
        this.#adopt(socket);
        this.connecting = false;
        done();
        this.emit('connect');
        if (this.encrypted) this.emit('secureConnect');
        this.emit('ready');
      },
      (error: unknown) => {
        this.connecting = false;
        if (this.destroyed) done();
        else done(error instanceof Error ? error : new Error(String(error)));
      },
    );
  }

  override _read(): void {
    this.#socket?.resume();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: Done): void {
    this.#socket?.write(chunk, encoding, done);
  }

  override _writev(
    chunks: readonly { readonly chunk: Buffer; readonly encoding: BufferEncoding }[],
    done: Done,
  ): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    socket.cork();
    for (const [index, { chunk, encoding }] of chunks.entries()) {
      socket.write(chunk, encoding, index === chunks.length - 1 ? done : undefined);
    }
    socket.uncork();
  }

  override _final(done: Done): void {
    const socket = this.#socket;
    if (socket === undefined || socket.destroyed || socket.writableEnded) done();
    else socket.end(done);
  }

  // While the connection is being opened, the base class would wait for that first.
  override destroy(error?: Error): this {
    this.#gone.abort();
    return super.destroy(error);
  }

  override _destroy(error: Error | null, done: Done): void {
    this.connecting = false;
    this.#socket?.destroy();
    done(error);
  }

  setNoDelay(noDelay?: boolean): this {
    return this.#wish((socket) => socket.setNoDelay(noDelay));
  }

  setKeepAlive(enable?: boolean, initialDelayMs?: number): this {
    return this.#wish((socket) => socket.setKeepAlive(enable, initialDelayMs));
  }

  setTimeout(timeoutMs: number, listener?: () => void): this {
    if (listener !== undefined) {
      if (timeoutMs === 0) this.off('timeout', listener);
      else this.once('timeout', listener);
    }
    return this.#wish((socket) => socket.setTimeout(timeoutMs));
  }

  ref(): this {
    return this.#wish((socket) => socket.ref());
  }

  unref(): this {
    return this.#wish((socket) => socket.unref());
  }

  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  connect(...target: readonly unknown[]): this {
    const other = target.find((part) => typeof part === 'number' && part !== this.remotePort);
    if (other !== undefined) {
      const own = formatDestination(this.#options);
      this.destroy(
        new Error(`this socket was made for ${own}, and was asked to connect to port ${String(other)}`),
      );
    }
    return this;
  }

  #wish(wish: (socket: Socket) => void): this {
    if (this.#socket === undefined) this.#wishes.push(wish);
    else wish(this.#socket);
    return this;
  }

  #adopt(socket: Socket): void {
    this.#socket = socket;
    for (const wish of this.#wishes.splice(0)) wish(socket);
    socket.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) socket.pause();
    });
    socket.on('end', () => this.push(null));
    socket.on('timeout', () => this.emit('timeout'));
    socket.on('error', (error) => this.destroy(error));
    // What was received and not read yet outlives the connection.
    socket.on('close', () => {
      if (!socket.readableEnded) this.destroy();
    });
  }
}

/** Opens a connection with `dial`; returns before it is open. */
export function openSocket(options: ConnectOptions, dial: Dial): NetSocket {
  return new DialledSocket(options, dial);
}
