/** The levels of pino that a plugin may use. */
export type Level = 'trace' | 'debug' | 'info' | 'warn' | 'error';

/** What one line of a plugin says. */
export interface ParsedLine {
  readonly level: Level;
  readonly message: string;
  /** The rest of a JSON line. */
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** How loggers call their members: pino and bunyan, hclog, then the rest. */
const MESSAGE_KEYS = ['msg', '@message', 'message'] as const;
const LEVEL_KEYS = ['level', '@level', 'severity'] as const;
const DROPPED_KEYS: ReadonlySet<string> = new Set([
  ...MESSAGE_KEYS,
  ...LEVEL_KEYS,
  'time',
  '@timestamp',
  'pid',
  'hostname',
]);

const LEVELS: Readonly<Record<string, Level>> = {
  trace: 'trace',
  debug: 'debug',
  info: 'info',
  notice: 'info',
  warn: 'warn',
  warning: 'warn',
  error: 'error',
  err: 'error',
  fatal: 'error',
  critical: 'error',
};

/**
 * Reads one line of a plugin's stdout or stderr. A JSON object with a textual message is taken apart, everything
 * else is a message as it stands: a line can say anything and never fails.
 */
export function parseLogLine(line: string): ParsedLine {
  return (
    (line.startsWith('{') ? parseJsonLine(line) : undefined) ?? { level: 'info', message: printable(line) }
  );
}

function parseJsonLine(line: string): ParsedLine | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (!isRecord(value)) return undefined;
  const message = MESSAGE_KEYS.map((key) => value[key]).find((candidate) => typeof candidate === 'string');
  if (typeof message !== 'string') return undefined;
  const level =
    LEVEL_KEYS.map((key) => parseLevel(value[key])).find((candidate) => candidate !== undefined) ?? 'info';
  const fields = Object.entries(value).filter(([key]) => !DROPPED_KEYS.has(key));
  return {
    level,
    message: printable(message),
    ...(fields.length === 0 ? {} : { fields: Object.fromEntries(fields) }),
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseLevel(value: unknown): Level | undefined {
  if (typeof value === 'string') {
    const name = value.toLowerCase();
    return Object.hasOwn(LEVELS, name) ? LEVELS[name] : undefined;
  }
  if (typeof value !== 'number') return undefined;
  // pino's numbers.
  if (value >= 50) return 'error';
  if (value >= 40) return 'warn';
  if (value >= 30) return 'info';
  return value >= 20 ? 'debug' : 'trace';
}

/** Control characters could rewrite the terminal of whoever reads the log. */
const CONTROL = /[^\P{Cc}\t\n]/gu;

/** Text that shows what it is: tab and newline stay, other control characters become U+FFFD. */
export function printable(text: string): string {
  return text.replace(CONTROL, '\ufffd');
}
