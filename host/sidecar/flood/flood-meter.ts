import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Clock } from '../../clock.js';
import { Allowance } from './allowance.js';

/** Between two looks, in milliseconds. */
const LOOK_INTERVAL_MS = 250;
const MIB = 1024 * 1024;

/**
 * Bytes on the connections beyond those that messages explain. Frames of one byte, the dearest way to send them, cost
 * the host some 7 hundredths of a processor at this rate. What is under way in part must fit into the capacity, so the
 * largest message is added to it.
 */
const UNEXPLAINED_BYTES = { capacity: 4 * MIB, perSecond: MIB / 2 };
/** PING and SETTINGS that no data explains: a peer that measures its bandwidth sends one for each DATA frame that it gets. */
const CONTROL_FRAMES = { capacity: 2_000, perSecond: 500 };
/** Calls that reach no handler, and answers and cancels of calls that are not there. One costs the host 5 to 40 µs. */
const WASTE = { capacity: 10_000, perSecond: 1_000 };

/** Frame heads, window updates and gRPC's own five bytes that come with one message, sent or received. */
const BYTES_PER_MESSAGE = 128;
/** Of a message, what window updates and heads of DATA frames may take; honest frames are far larger than this makes them. */
const OVERHEAD_SHARE = 1 / 8;
/** Headers of a call that the plugin makes. */
const BYTES_PER_CALL = 1024;
/** Headers and trailers of an answer, with the text and the detail of an error. */
const BYTES_PER_ANSWER = 8 * 1024;
/** HTTP/2's default for the largest DATA frame. */
const BYTES_PER_DATA_FRAME = 16 * 1024;

/** A connection whose bytes count. */
export interface MeteredConnection {
  /** All bytes that came on it so far. Must be quick. */
  readonly bytesRead: () => number;
  /** Tells the peer why, as far as it still can be told, and ends the connection at once. */
  readonly drop: () => void;
}

export interface FloodMeterOptions {
  readonly clock: Clock;
  /** Of one message. */
  readonly maxMessageBytes: number;
  /** Called once, before every connection is dropped, so that nobody takes what follows for the reason. */
  readonly onFlood: (error: BulkheadError) => void;
}

/**
 * What a plugin sends the host, on all of its connections together, against what it is good for. HTTP/2 allows a peer
 * to send frames for ever that carry nothing, and each costs the host's main loop its time. Nothing here runs per
 * frame but for PING and SETTINGS: whoever delivers a message says so, and the sockets know how much they read.
 */
export class FloodMeter {
  readonly #options: FloodMeterOptions;
  readonly #bytes: Allowance;
  readonly #control = new Allowance(CONTROL_FRAMES);
  readonly #waste = new Allowance(WASTE);
  readonly #connections = new Set<MeteredConnection & { seen: number }>();
  #lookedAtMs: number;
  #cancelLook: () => void = () => {};
  #ended = false;
  // Since the last look.
  #wireBytes = 0;
  #explainedBytes = 0;
  #controlFrames = 0;
  #explainedControlFrames = 0;
  #wasted = 0;
  // Of native calls that are not answered yet.
  #lentBytes = 0;

  constructor(options: FloodMeterOptions) {
    this.#options = options;
    this.#lookedAtMs = options.clock.monotonic();
    const { capacity, perSecond } = UNEXPLAINED_BYTES;
    this.#bytes = new Allowance({ capacity: capacity + options.maxMessageBytes, perSecond });
    this.#schedule();
  }

  /** @returns to be called when the connection is closed */
  connect(connection: MeteredConnection): () => void {
    const metered = { ...connection, seen: 0 };
    if (this.#ended) connection.drop();
    else this.#connections.add(metered);
    return () => {
      if (this.#connections.delete(metered)) this.#read(metered);
    };
  }

  /** A message of the plugin reached whom it was for. */
  received(bytes: number): void {
    this.carried(bytes);
    this.#explainedBytes += BYTES_PER_MESSAGE;
  }

  /** A piece of a message did. */
  carried(bytes: number): void {
    this.#explainedBytes += bytes * (1 + OVERHEAD_SHARE);
  }

  /** A message of the host left. */
  sent(bytes: number): void {
    this.#explainedBytes += bytes * OVERHEAD_SHARE + BYTES_PER_MESSAGE;
    this.#explainedControlFrames += 1 + bytes / BYTES_PER_DATA_FRAME;
  }

  /** The plugin made a call with headers of its own. */
  called(): void {
    this.#explainedBytes += BYTES_PER_CALL;
  }

  /** The host made one, which is answered with headers and trailers of its own. */
  calling(): void {
    this.#explainedBytes += BYTES_PER_ANSWER;
  }

  /** Bytes that may come before it is known what they are; given back with a negative number. */
  lend(bytes: number): void {
    this.#lentBytes += bytes;
  }

  /** A PING or SETTINGS of the plugin. */
  readonly control = (): void => {
    this.#controlFrames += 1;
  };

  /** Something of the plugin's that the host had to read and that served nothing. Negative: it did, after all. */
  readonly waste = (count = 1): void => {
    this.#wasted += count;
  };

  /** No more looks. A second call changes nothing. */
  end(): void {
    this.#ended = true;
    this.#cancelLook();
    this.#connections.clear();
  }

  #schedule(): void {
    this.#cancelLook = this.#options.clock.after(LOOK_INTERVAL_MS, () => {
      this.#look();
    });
  }

  #look(): void {
    if (this.#ended) return;
    const nowMs = this.#options.clock.monotonic();
    const seconds = (nowMs - this.#lookedAtMs) / 1_000;
    this.#lookedAtMs = nowMs;
    for (const connection of this.#connections) this.#read(connection);
    const counts = { bytes: this.#wireBytes, controlFrames: this.#controlFrames, wasted: this.#wasted };
    const bytesOver = this.#bytes.spend(counts.bytes - this.#explainedBytes, seconds) - this.#lentBytes;
    const controlOver = this.#control.spend(counts.controlFrames - this.#explainedControlFrames, seconds);
    const wasteOver = this.#waste.spend(counts.wasted, seconds);
    this.#wireBytes = this.#explainedBytes = 0;
    this.#controlFrames = this.#explainedControlFrames = this.#wasted = 0;
    const what =
      controlOver > 0
        ? `PING and SETTINGS without end, ${counts.controlFrames} in the last ${rounded(seconds)} s where ${CONTROL_FRAMES.perSecond} a second are plenty`
        : wasteOver > 0
          ? `calls, answers or cancels that served nothing, ${counts.wasted} in the last ${rounded(seconds)} s where ${WASTE.perSecond} a second are plenty`
          : bytesOver > 0
            ? `frames that carry nothing, or messages in crumbs, ${rounded(counts.bytes / MIB)} MiB in the last ${rounded(seconds)} s`
            : undefined;
    if (what === undefined) this.#schedule();
    else this.#trip(what);
  }

  #trip(what: string): void {
    const connections = [...this.#connections];
    this.end();
    const message = `the plugin flooded its connection to the host: ${what}; its connections are dropped. Look for a loop in it, or for who controls it`;
    this.#options.onFlood(new BulkheadError(ErrorCode.CONNECTION_FLOODED, message, { retryable: true }));
    for (const connection of connections) connection.drop();
  }

  #read(connection: MeteredConnection & { seen: number }): void {
    const bytes = connection.bytesRead();
    this.#wireBytes += Math.max(0, bytes - connection.seen);
    connection.seen = bytes;
  }
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
