import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LineSplitter } from './line-splitter.js';

function split(chunks: readonly Buffer[], maxLineBytes: number): { line: string; totalBytes: number }[] {
  const lines: { line: string; totalBytes: number }[] = [];
  const splitter = new LineSplitter(maxLineBytes, (line, totalBytes) => {
    lines.push({ line: line.toString('latin1'), totalBytes });
  });
  for (const chunk of chunks) splitter.write(chunk);
  splitter.end();
  return lines;
}

test('lines come out the same however the stream is cut into chunks, each within its bound', () => {
  const bytes = fc
    .uint8Array({ maxLength: 200 })
    .map((array) => array.map((byte) => (byte < 60 ? 10 : byte)));
  fc.assert(
    fc.property(bytes, fc.array(fc.nat(200)), fc.integer({ min: 1, max: 40 }), (data, cuts, max) => {
      const whole = Buffer.from(data);
      const places = [
        0,
        ...cuts.map((cut) => Math.min(cut, whole.length)).sort((a, b) => a - b),
        whole.length,
      ];
      const chunks = places.slice(1).map((end, index) => whole.subarray(places[index], end));
      const texts = whole.toString('latin1').split('\n');
      if (texts.at(-1) === '') texts.pop();
      const expected = texts.map((text) => ({ line: text.slice(0, max), totalBytes: text.length }));
      expect(split(chunks, max)).toEqual(expected);
    }),
  );
});

test('a carriage return before the newline belongs to the line end', () => {
  expect(split([Buffer.from('one\r\ntwo\r'), Buffer.from('\n')], 10).map(({ line }) => line)).toEqual([
    'one',
    'two',
  ]);
});
