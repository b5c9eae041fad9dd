/** Bytes in, lines out. A line longer than the cap is given up, once, and the rest of it skipped. */
export interface LineBuffer {
  push(chunk: Buffer): void;
}

const NEWLINE = 0x0a;

/** `onTooLong` gets the bytes held when the cap was passed; lines after it are read again. */
export function createLineBuffer(
  maxBytes: number,
  onLine: (line: string) => void,
  onTooLong: (start: Buffer) => void,
): LineBuffer {
  let parts: Buffer[] = [];
  let held = 0;
  let skipping = false;

  function take(end: Buffer): void {
    if (skipping) {
      skipping = false;
      return;
    }
    if (held + end.length > maxBytes) {
      overflow(end);
      skipping = false;
      return;
    }
    const line = parts.length === 0 ? end : Buffer.concat([...parts, end]);
    parts = [];
    held = 0;
    const text = line.toString('utf8');
    onLine(text.endsWith('\r') ? text.slice(0, -1) : text);
  }

  function overflow(last: Buffer): void {
    const start = Buffer.concat([...parts, last], Math.min(held + last.length, maxBytes));
    parts = [];
    held = 0;
    skipping = true;
    onTooLong(start);
  }

  return {
    push(chunk) {
      let from = 0;
      for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
        take(chunk.subarray(from, at));
        from = at + 1;
      }
      const rest = chunk.subarray(from);
      if (rest.length === 0 || skipping) return;
      if (held + rest.length > maxBytes) {
        overflow(rest);
        return;
      }
      parts.push(rest);
      held += rest.length;
    },
  };
}
