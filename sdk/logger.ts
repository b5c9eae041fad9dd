export type LogLevelName = 'trace' | 'debug' | 'info' | 'warn' | 'error';

/** Searchable values beside the message. An Error among them is written with its stack. */
export type LogFields = Readonly<Record<string, unknown>>;

/**
 * A structured log. Lines go to the host in batches; it adds plugin and request ids and redacts secrets.
 * Logging never throws and never waits.
 */
export interface Logger {
  trace(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds these fields to each of its lines. */
  child(fields: LogFields): Logger;
}
