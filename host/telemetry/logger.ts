import {
  pino,
  type Bindings,
  type ChildLoggerOptions,
  type DestinationStream,
  type Logger as PinoLogger,
} from 'pino';
import { prettyLine } from './pretty.js';
import { redact } from './redact.js';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

/** Writes one line: fields and a message, or a message alone. */
export interface LogMethod {
  (fields: object, message?: string): void;
  (message: string): void;
}

/** What a part of the host logs with; pino's loggers are such. Secrets are redacted whatever is passed. */
export interface Logger {
  readonly level: string;
  readonly trace: LogMethod;
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
  readonly fatal: LogMethod;
  isLevelEnabled(level: LogLevel): boolean;
  /** A logger whose lines all carry these fields. `{plugin}` puts it under that plugin's level. */
  child(fields: Readonly<Record<string, unknown>>): Logger;
}

/** The host's logger: a pino logger that owns destination and levels. */
export interface RootLogger extends PinoLogger {
  /** Changes the level of a plugin's lines at run time; without a level, back to what it was made with. */
  setPluginLevel(plugin: string, level: LogLevel | undefined): void;
  /** Changes the host's level, and with it that of every plugin without one of its own. */
  setLevel(level: LogLevel): void;
  /** Resolves when everything logged so far is written, or after `FLUSH_TIMEOUT_MS`. */
  flushed(): Promise<void>;
}

export interface LoggerOptions {
  /** Default: info. */
  readonly level?: LogLevel;
  /** Where lines go, with their newline: a stream, or a descriptor that is written without blocking. Default: 1, standard output. */
  readonly destination?: { write(line: string): unknown } | 1 | 2;
  /** Lines for people instead of JSON. Default: false. */
  readonly pretty?: boolean;
  /** Takes the values of secrets out of each line. Default: none is known. */
  readonly redactValues?: (line: string) => string;
}

/** Lines waiting for a slow reader; beyond it new ones are dropped. */
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024;
const FLUSH_TIMEOUT_MS = 1_000;

const LEVELS: ReadonlySet<string> = new Set(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']);

/** Narrows a level that came from a configuration; an unknown one is `info`. */
export function parseLogLevel(level: string): LogLevel {
  return isLogLevel(level) ? level : 'info';
}

function isLogLevel(level: string): level is LogLevel {
  return LEVELS.has(level);
}

/** The host's structured log: one JSON line a record. */
export function createLogger(options: LoggerOptions = {}): RootLogger {
  const levels = new Levels(options.level ?? 'info');
  const { destination = 1 } = options;
  const target = typeof destination === 'number' ? openDescriptor(destination) : destination;
  const stream: DestinationStream = {
    write(line) {
      const clean = options.redactValues?.(line) ?? line;
      return target.write(options.pretty === true ? prettyLine(clean) : clean);
    },
  };
  const root = pino(
    {
      level: levels.host,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      // Errors are written by `redact`, which also sees what hangs on them.
      serializers: { err: (value: unknown) => value },
      formatters: { level: (label) => ({ level: label }), log: redact },
    },
    stream,
  );
  levels.add(root, undefined, undefined);
  // A child's fields are formatted once, past `formatters.log`. Children inherit this from the root.
  const plainChild: MakeChild = root.child;
  Object.defineProperty(root, 'child', {
    value: function child(this: PinoLogger, fields: Bindings, childOptions?: ChildLoggerOptions) {
      const made = plainChild.call(this, redact(fields), childOptions);
      levels.addChild(made, this, fields['plugin'], childOptions?.level);
      return made;
    },
  });
  return Object.assign(root, {
    setPluginLevel: (plugin: string, level: LogLevel | undefined) => {
      levels.setPlugin(plugin, level);
    },
    setLevel: (level: LogLevel) => {
      levels.setHost(level);
    },
    flushed: () => flushed(target),
  });
}

/** A logger that writes nothing; for embedders that want none. */
export function createSilentLogger(): RootLogger {
  return createLogger({ level: 'silent', destination: { write: () => undefined } });
}

type MakeChild = (this: PinoLogger, fields: Bindings, options?: ChildLoggerOptions) => PinoLogger;

interface Known {
  readonly plugin: string | undefined;
  /** The level that the logger was made with. */
  readonly own: string | undefined;
}

/** Which level each logger has, so that changing one reaches the loggers that exist. */
class Levels {
  host: LogLevel;
  readonly #plugins = new Map<string, LogLevel>();
  // Loggers live as long as those who log; the tables must not keep them.
  readonly #loggers: WeakRef<PinoLogger>[] = [];
  readonly #known = new WeakMap<PinoLogger, Known>();

  constructor(host: LogLevel) {
    this.host = host;
  }

  add(logger: PinoLogger, plugin: string | undefined, own: string | undefined): void {
    if (this.#loggers.length % 256 === 255) this.#forgetDead();
    this.#loggers.push(new WeakRef(logger));
    this.#known.set(logger, { plugin, own });
    logger.level = this.#levelOf(logger);
  }

  addChild(logger: PinoLogger, parent: PinoLogger, plugin: unknown, own: string | undefined): void {
    const above = this.#known.get(parent);
    this.add(logger, typeof plugin === 'string' ? plugin : above?.plugin, own ?? above?.own);
  }

  setHost(level: LogLevel): void {
    this.host = level;
    this.#apply();
  }

  setPlugin(plugin: string, level: LogLevel | undefined): void {
    if (level === undefined) this.#plugins.delete(plugin);
    else this.#plugins.set(plugin, level);
    this.#apply();
  }

  #levelOf(logger: PinoLogger): string {
    const known = this.#known.get(logger);
    const set = known?.plugin === undefined ? undefined : this.#plugins.get(known.plugin);
    return set ?? known?.own ?? this.host;
  }

  #apply(): void {
    for (const ref of this.#loggers) {
      const logger = ref.deref();
      if (logger !== undefined) logger.level = this.#levelOf(logger);
    }
  }

  #forgetDead(): void {
    const alive = this.#loggers.filter((ref) => ref.deref() !== undefined);
    this.#loggers.splice(0, this.#loggers.length, ...alive);
  }
}

function openDescriptor(dest: 1 | 2): ReturnType<typeof pino.destination> {
  return pino.destination({ dest, sync: false, minLength: 0, maxLength: MAX_BUFFERED_BYTES });
}

async function flushed(destination: { write(line: string): unknown }): Promise<void> {
  if (!canFlush(destination)) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, FLUSH_TIMEOUT_MS);
    destination.flush(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function canFlush(destination: object): destination is { flush(done: () => void): void } {
  return 'flush' in destination && typeof destination.flush === 'function';
}
