/**
 * Rewrites the data of each server-sent event, leaving ids, names, retry times and comments as they are.
 *
 * @param maxEventChars an event with more data than this ends the stream with an error
 */
export function createSseRewriter(
  rewrite: (data: string) => string,
  maxEventChars: number,
): TransformStream<Uint8Array, Uint8Array> {
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  // Pieces of a line that has not ended; joined once, because a long one comes in many pieces.
  let pieces: string[] = [];
  let held = 0;
  let data: string[] = [];
  let size = 0;

  function line(text: string, out: string[]): void {
    if (text === '') {
      if (data.length > 0) out.push(`data: ${rewrite(data.join('\n'))}\n`);
      data = [];
      size = 0;
      out.push('\n');
    } else if (text.startsWith('data:')) {
      const value = text.slice(text.startsWith('data: ') ? 6 : 5);
      size += value.length;
      if (size > maxEventChars)
        throw new Error(`an event is longer than ${String(maxEventChars)} characters`);
      data.push(value);
    } else {
      out.push(`${text}\n`);
    }
  }

  /** The lines that have ended. */
  function takeLines(): string[] {
    const text = pieces.join('');
    const open = text.endsWith('\r') ? '\r' : '';
    const lines = (open === '' ? text : text.slice(0, -1)).split(/\r\n|\n|\r/);
    const rest = (lines.pop() ?? '') + open;
    pieces = [rest];
    held = rest.length;
    return lines;
  }

  return new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      const text = decoder.decode(chunk, { stream: true });
      pieces.push(text);
      held += text.length;
      // A carriage return at the end of the last piece may have been the first half of a line end.
      const mayEnd = /[\r\n]/.test(text) || pieces.at(-2)?.endsWith('\r') === true;
      const lines = mayEnd ? takeLines() : [];
      if (held > maxEventChars)
        throw new Error(`an event is longer than ${String(maxEventChars)} characters`);
      const out: string[] = [];
      for (const text of lines) line(text, out);
      if (out.length > 0) controller.enqueue(encoder.encode(out.join('')));
    },
  });
}
