import type { WorkContext } from '../hook-context.js';
import type { Logger } from '../logger.js';
import type { InFlight } from './in-flight.js';
import type { IncomingCall } from './incoming.js';
import { PluginLogger, type LogTarget } from './plugin-log.js';

/** What every call of a process shares. */
export interface CallEnvironment {
  /** The configured entry's name. */
  readonly plugin: string;
  readonly logTarget: LogTarget;
  readonly inFlight: InFlight;
  /** Deadline of a call whose caller said none, in milliseconds; 0 for none. */
  readonly defaultTimeoutMs: number;
  /** Largest answer that the host takes; 0 when it said none. */
  readonly maxMessageBytes: number;
  /** The configuration that setup got, or that of an operator's binding. */
  configFor(bindingJson: string): unknown;
}

/** The context of one piece of work. Everything is made when it is first asked for; most handlers ask for little. */
export class WorkView implements WorkContext<unknown> {
  protected readonly incoming: IncomingCall;
  protected readonly environment: CallEnvironment;
  readonly #deadlineMonotonic: number;
  #log: Logger | undefined;

  constructor(incoming: IncomingCall, environment: CallEnvironment) {
    this.incoming = incoming;
    this.environment = environment;
    const timeoutMs = incoming.timeoutMs || environment.defaultTimeoutMs;
    this.#deadlineMonotonic =
      timeoutMs === 0 ? Infinity : environment.logTarget.clock.monotonic() + timeoutMs;
  }

  get signal(): AbortSignal {
    return this.incoming.signal;
  }

  get deadline(): number {
    return this.environment.logTarget.clock.now() + this.#leftMs();
  }

  get remainingMs(): number {
    return Math.max(0, this.#leftMs());
  }

  get log(): Logger {
    return (this.#log ??= new PluginLogger(this.environment.logTarget, this.logId()));
  }

  get config(): unknown {
    return this.environment.configFor('');
  }

  /** The request id of this work's lines. */
  protected logId(): string {
    return '';
  }

  #leftMs(): number {
    return this.#deadlineMonotonic - this.environment.logTarget.clock.monotonic();
  }
}
