/** One JSON log line as a line for people: `12:00:01.123 WARN pii_filter: restarted  attempt=2`. */
export function prettyLine(line: string): string {
  let record: Readonly<Record<string, unknown>>;
  try {
    record = JSON.parse(line) as Readonly<Record<string, unknown>>;
  } catch {
    return line;
  }
  const { time, level, msg, plugin, ...rest } = record;
  const clock = typeof time === 'string' ? time.slice(11, 23) : '';
  const label = (typeof level === 'string' ? level : '').toUpperCase().padEnd(5);
  const who = typeof plugin === 'string' ? `${plugin}: ` : '';
  const text = typeof msg === 'string' ? msg : '';
  const fields = Object.entries(rest).map(([key, value]) => `${key}=${written(value)}`);
  const stack = stackOf(rest['err']);
  // A line of a message must not pass for a line of the log.
  return `${shown([`${clock} ${label} ${who}${text}`, ...fields].join('  '))}\n${stack === '' ? '' : `    ${shown(stack.trim())}\n`}`;
}

/** Control characters could rewrite the reader's terminal, line ends and marks of direction could feign other lines. */
const CONTROL = /[^\P{Cc}\t\n]|[\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

function shown(text: string): string {
  return text.replace(CONTROL, '\ufffd').replaceAll('\n', '\n    ');
}

function written(value: unknown): string {
  if (typeof value === 'string') return /^[\w./:@-]+$/.test(value) ? value : JSON.stringify(value);
  if (hasMessage(value)) return JSON.stringify(value.message);
  return JSON.stringify(value);
}

function hasMessage(value: unknown): value is { readonly message: string } {
  return (
    typeof value === 'object' && value !== null && 'message' in value && typeof value.message === 'string'
  );
}

function stackOf(value: unknown): string {
  if (typeof value !== 'object' || value === null || !('stack' in value) || typeof value.stack !== 'string') {
    return '';
  }
  const frames = value.stack.split('\n').slice(1);
  return frames.length === 0 ? '' : `${frames.join('\n')}\n`;
}
