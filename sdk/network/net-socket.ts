import { Socket } from 'node:net';
import { formatDestination } from '@bulkhead/proto/rules';
import type { ConnectOptions } from './client.js';
import type { Dial } from './tunnel.js';

type Done = (error?: Error | null) => void;

/**
 * A connection that is being opened. It is a `net.Socket` for clients that ask for one, but its bytes go through the
 * socket that `dial` brings, so it has no handle of its own.
 */
class DialledSocket extends Socket {
  readonly #options: ConnectOptions;
  readonly #dial: Dial;
  readonly #gone = new AbortController();
  /** What waits for the connection: settings, and the one write that a stream has under way. */
  readonly #wishes: ((socket: Socket) => void)[] = [];
  #inner: Socket | undefined;

  constructor(options: ConnectOptions, dial: Dial) {
    super();
    this.#options = options;
    this.#dial = dial;
    this.#setConnecting(true);
    // Accessors of the base class, which would ask the handle that is not there.
    Object.defineProperties(this, {
      remoteAddress: { get: () => options.host },
      remotePort: { get: () => options.port },
      pending: { get: () => this.#inner === undefined },
      bytesRead: { get: () => this.#inner?.bytesRead ?? 0 },
      bytesWritten: { get: () => this.#inner?.bytesWritten ?? 0 },
    });
    void this.#open();
  }

  override _read(): void {
    this.#inner?.resume();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: Done): void {
    this.#wish((inner) => inner.write(chunk, encoding, done));
  }

  override _writev(
    chunks: readonly { readonly chunk: Buffer; readonly encoding: BufferEncoding }[],
    done: Done,
  ): void {
    this.#wish((inner) => {
      inner.cork();
      for (const [index, { chunk, encoding }] of chunks.entries()) {
        inner.write(chunk, encoding, index === chunks.length - 1 ? done : undefined);
      }
      inner.uncork();
    });
  }

  override _final(done: Done): void {
    this.#wish((inner) => {
      if (inner.destroyed || inner.writableEnded) done();
      else inner.end(done);
    });
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#gone.abort();
    this.#inner?.destroy();
    super._destroy(error, done);
  }

  override setNoDelay(noDelay?: boolean): this {
    return this.#wish((inner) => inner.setNoDelay(noDelay));
  }

  /** The far end of the connection is the host's, and the host asks it. */
  override setKeepAlive(): this {
    return this;
  }

  override setTimeout(timeoutMs: number, listener?: () => void): this {
    if (listener !== undefined) {
      if (timeoutMs === 0) this.off('timeout', listener);
      else this.once('timeout', listener);
    }
    return this.#wish((inner) => inner.setTimeout(timeoutMs));
  }

  override ref(): this {
    return this.#wish((inner) => inner.ref());
  }

  override unref(): this {
    return this.#wish((inner) => inner.unref());
  }

  /** For clients that connect the socket that they were given: it is connecting already. */
  override connect(...target: readonly unknown[]): this {
    const other = target.find((part) => typeof part === 'number' && part !== this.#options.port);
    if (other !== undefined) {
      const own = formatDestination(this.#options);
      this.destroy(
        new Error(`this socket was made for ${own}, and was asked to connect to port ${String(other)}`),
      );
    }
    return this;
  }

  async #open(): Promise<void> {
    let inner: Socket;
    try {
      inner = await this.#dial(this.#options, this.#gone.signal);
    } catch (error) {
      // Not before whoever asked, and a promise or two behind them, had time to listen: as an error of the system's comes.
      setImmediate(() => this.destroy(error instanceof Error ? error : new Error(String(error))));
      return;
    }
    if (this.destroyed) {
      inner.destroy();
      return;
    }
    this.#setConnecting(false);
    this.#adopt(inner);
    this.emit('connect');
    this.emit('ready');
  }

  #setConnecting(connecting: boolean): void {
    // Read-only for everybody but the socket itself.
    Object.assign(this, { connecting });
  }

  #wish(wish: (inner: Socket) => void): this {
    if (this.#inner === undefined) this.#wishes.push(wish);
    else wish(this.#inner);
    return this;
  }

  #adopt(inner: Socket): void {
    this.#inner = inner;
    for (const wish of this.#wishes.splice(0)) wish(inner);
    inner.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) inner.pause();
    });
    inner.on('end', () => this.push(null));
    inner.on('timeout', () => this.emit('timeout'));
    inner.on('error', (error) => this.destroy(error));
    // What was received and not read yet outlives the connection.
    inner.on('close', () => {
      if (!inner.readableEnded) this.destroy();
    });
  }
}

/** Opens a connection with `dial`; returns before it is open. */
export function openSocket(options: ConnectOptions, dial: Dial): Socket {
  return new DialledSocket(options, dial);
}
