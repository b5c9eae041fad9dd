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
  let tail = '';
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

  return new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      tail += decoder.decode(chunk, { stream: true });
      // A carriage return at the very end may be the first half of a line end.
      const held = tail.endsWith('\r') ? '\r' : '';
      const lines = (held === '' ? tail : tail.slice(0, -1)).split(/\r\n|\n|\r/);
      tail = (lines.pop() ?? '') + held;
      if (tail.length > maxEventChars)
        throw new Error(`an event is longer than ${String(maxEventChars)} characters`);
      const out: string[] = [];
      for (const text of lines) line(text, out);
      if (out.length > 0) controller.enqueue(encoder.encode(out.join('')));
    },
  });
}
