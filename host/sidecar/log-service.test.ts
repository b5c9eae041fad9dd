import { expect, test } from 'vitest';
import { WriteRequest, WriteResponse } from '@bulkhead/proto/host';
import { FakeClock } from '../clock.test-support.js';
import { createSilentLogger } from '../telemetry/logger.js';
import { createLogMethods } from './log-service.js';
import { PluginLog } from './plugin-log.js';

const MEBIBYTE = 1_048_576;

function createLog() {
  const clock = new FakeClock();
  let redactedBytes = 0;
  const log = new PluginLog({
    log: createSilentLogger(),
    clock,
    redact: (text) => {
      redactedBytes += text.length;
      return text;
    },
  });
  const plugin = { name: 'p', id: 'p', version: '1.0.0', pid: 1, grantedScopes: [] };
  const call = { plugin, timeoutMs: 0, traceparent: '', signal: new AbortController().signal };
  const [method] = createLogMethods(log);
  const write = async (body: Uint8Array): Promise<number> =>
    WriteResponse.decode((await method?.handle(body, call)) ?? new Uint8Array(0)).dropped;
  return { clock, log, write, redacted: () => redactedBytes };
}

const linesOf = (count: number, message: string, fieldsJson = ''): Uint8Array =>
  WriteRequest.encode(
    WriteRequest.fromPartial({ lines: Array.from({ length: count }, () => ({ message, fieldsJson })) }),
  ).finish();

test('lines pass by their bytes, and no more of them are redacted', async () => {
  const { clock, write, redacted } = createLog();
  const body = linesOf(200, 'x'.repeat(60_000));
  const dropped = await write(body);
  expect(dropped).toBeGreaterThan(100);
  expect(redacted()).toBeLessThanOrEqual(4 * MEBIBYTE);
  // What was decoded is owed, so the next is not even looked at.
  const before = redacted();
  expect(await write(body)).toBe(200);
  expect(redacted()).toBe(before);
  clock.advance(20_000);
  expect(await write(linesOf(1, 'again'))).toBe(0);
});

test('fields count as the message does', async () => {
  const { write, redacted } = createLog();
  await write(linesOf(200, '', JSON.stringify({ a: 'x'.repeat(60_000) })));
  expect(redacted()).toBeLessThanOrEqual(4 * MEBIBYTE);
});

test('a message of a million lines is refused, and paid for', async () => {
  const { log, write } = createLog();
  const bomb = Uint8Array.from({ length: 5 * MEBIBYTE }, (_, at) => (at % 2 === 0 ? 0x0a : 0));
  await expect(write(bomb)).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
  expect(log.inDebt).toBe(true);
  // Nothing is decoded until it is paid: no error, and no more lines counted than are looked at.
  expect(await write(bomb)).toBe(1_000);
});

test('lines that are not looked at are paid for too', async () => {
  const { log, write } = createLog();
  for (let sent = 0; sent < 60 && !log.inDebt; sent += 1) await write(linesOf(45_000, ''));
  expect(log.inDebt).toBe(true);
});
