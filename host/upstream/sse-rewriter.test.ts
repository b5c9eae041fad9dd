import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createSseRewriter } from './sse-rewriter.js';

async function rewrite(
  chunks: readonly Uint8Array[],
  change: (data: string) => string,
  max = 10_000,
): Promise<string> {
  const source = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
  return new Response(source.pipeThrough(createSseRewriter(change, max))).text();
}

function cut(bytes: Uint8Array, at: readonly number[]): Uint8Array[] {
  const points = [
    0,
    ...at.map((point) => point % (bytes.length + 1)).toSorted((a, b) => a - b),
    bytes.length,
  ];
  return points.slice(1).map((end, index) => bytes.subarray(points[index], end));
}

test('data is seen whole, however the bytes are cut and the lines end', async () => {
  const data = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !/[\r\n]/.test(text));
  await fc.assert(
    fc.asyncProperty(
      fc.array(data, { minLength: 1, maxLength: 5 }),
      fc.constantFrom('\n', '\r\n', '\r'),
      fc.array(fc.nat(), { maxLength: 8 }),
      async (events, end, points) => {
        const text = events
          .map((event) => `event: message${end}id: 7${end}data: ${event}${end}${end}`)
          .join('');
        const seen: string[] = [];
        const out = await rewrite(cut(new TextEncoder().encode(`${text}: end${end}`), points), (event) => {
          seen.push(event);
          return 'stub';
        });
        expect(seen).toEqual(events);
        expect(out).toContain('event: message\nid: 7\ndata: stub\n\n'.repeat(events.length));
      },
    ),
  );
});

test('several data lines are one text', async () => {
  const out = await rewrite([new TextEncoder().encode('data: {\ndata:"a":1}\n\n')], (event) =>
    event.replace('\n', ''),
  );
  expect(out).toBe('data: {"a":1}\n\n');
});

test('an event beyond the bound ends the stream', async () => {
  const long = new TextEncoder().encode(`data: ${'x'.repeat(200)}\n\n`);
  await expect(rewrite([long], (event) => event, 100)).rejects.toThrow('longer than 100');
});

test('a long event in many pieces is joined once, not at each piece', async () => {
  const piece = new TextEncoder().encode('x'.repeat(1_000));
  const encode = (text: string) => new TextEncoder().encode(text);
  const pieces = [
    encode('data: '),
    ...Array.from({ length: 16_000 }, () => piece),
    encode('\r'),
    encode('\n\n'),
  ];
  const text = await rewrite(pieces, (data) => String(data.length), 100_000_000);
  expect(text).toBe('data: 16000000\n\n');
});
