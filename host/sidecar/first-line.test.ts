import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MAX_HANDSHAKE_LINE_BYTES } from '@bulkhead/proto/handshake';
import { FirstLine, type FirstLineResult } from './first-line.js';

async function feed(chunks: readonly Buffer[]): Promise<{ result: FirstLineResult; rest: string }> {
  const rest: Buffer[] = [];
  const first = new FirstLine((chunk) => rest.push(chunk));
  for (const chunk of chunks) first.write(chunk);
  first.end();
  return { result: await first.result, rest: Buffer.concat(rest).toString() };
}

test('the first line is taken out and every other byte goes on, however the stream is cut', async () => {
  const line = fc.string({ maxLength: 100 }).map((text) => text.replaceAll('\n', ' '));
  await fc.assert(
    fc.asyncProperty(
      line,
      fc.string({ maxLength: 100 }),
      fc.integer({ min: 1, max: 30 }),
      async (text, after, step) => {
        const whole = Buffer.from(`${text}\n${after}`);
        const chunks = Array.from({ length: Math.ceil(whole.length / step) }, (_, index) =>
          whole.subarray(index * step, (index + 1) * step),
        );
        expect(await feed(chunks)).toEqual({ result: { kind: 'line', line: text }, rest: after });
      },
    ),
  );
});

test('a line of exactly 4 KiB is taken; one byte more is too long, newline or not', async () => {
  const most = 'a'.repeat(MAX_HANDSHAKE_LINE_BYTES);
  expect((await feed([Buffer.from(`${most}\n`)])).result.kind).toBe('line');
  expect((await feed([Buffer.from(`${most}a\n`)])).result.kind).toBe('too_long');
  expect((await feed([Buffer.from(most), Buffer.from('a')])).result.kind).toBe('too_long');
});

test('what was no line is not lost', async () => {
  expect(await feed([Buffer.from('half a li')])).toEqual({
    result: { kind: 'ended', start: Buffer.from('half a li') },
    rest: 'half a li',
  });
});
