import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { WriteRequest } from '@bulkhead/proto/host';
import { HandleRouteResponse } from '@bulkhead/proto/plugin';
import { readAnswer, readRequest } from './read-message.js';

const HOST = join(import.meta.dirname, '..');
/** `decoder` is a TextDecoder, `codec` makes an object of a message. */
const NO_MESSAGE = new Set(['decoder', 'codec']);

test('no file of the host decodes what a plugin sent by itself', async () => {
  const files = await readdir(HOST, { recursive: true });
  const sources = files.filter(
    (file) =>
      !/^(node_modules|dist)\b/.test(file) &&
      file.endsWith('.ts') &&
      !file.endsWith('.d.ts') &&
      !/\.(test|test-support|long\.test)\.ts$/.test(file),
  );
  expect(sources.length).toBeGreaterThan(300);
  const found: string[] = [];
  for (const file of sources) {
    const text = await readFile(join(HOST, file), 'utf8');
    for (const [, receiver = ''] of text.matchAll(/(\w+|\W)\s*(?:\.\s*decode\b|\[\s*'decode')/g))
      if (!NO_MESSAGE.has(receiver)) found.push(`${file}: ${receiver}.decode`);
    if (/\bdecodeMessage\b|\bBinaryReader\b/.test(text) && file !== join('sidecar', 'read-message.ts'))
      found.push(`${file}: decodes without read-message.ts`);
  }
  expect(found).toEqual([]);
});

const bomb = (tag: number): Uint8Array =>
  Uint8Array.from({ length: 200_000 }, (_, at) => (at % 2 === 0 ? tag : 0));

test('a request of absurdly many fields is refused by its size, and bytes that are none by what was expected', () => {
  expect(() => readRequest(WriteRequest, bomb(0x0a))).toThrow(
    expect.objectContaining({ code: 'MESSAGE_TOO_LARGE' }),
  );
  expect(() => readRequest(WriteRequest, Uint8Array.of(0x0a, 9))).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
  );
});

test('an answer of absurdly many fields is a fault of the plugin, and so are bytes that are none', () => {
  for (const bytes of [bomb(0x12), Uint8Array.of(0x12, 9)]) {
    expect(() => readAnswer(HandleRouteResponse, bytes)).toThrow(
      expect.objectContaining({ code: 'INVALID_ANSWER' }),
    );
  }
});
