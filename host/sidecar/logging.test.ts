import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LogLevel, WriteRequest, WriteResponse } from '@bulkhead/proto/host';
import { Harness, WALLS } from './launch.test-support.js';
import type { Sidecar } from './sidecar.js';

describe.each(WALLS)('behind the wall %s:', (kind) => {
  let harness: Harness;
  beforeEach(() => {
    harness = new Harness(kind);
  });
  afterEach(() => harness.close());

  const toJson = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
  const print = (sidecar: Sidecar, stream: string, text: string): Promise<Uint8Array> =>
    sidecar.call('/test.Echo/Print', toJson({ stream, text }), { timeoutMs: 20_000 });
  const echo = async (sidecar: Sidecar): Promise<string> =>
    Buffer.from(await sidecar.call('/test.Echo/Echo', Buffer.from('still here'))).toString();

  test('stdout after the handshake line is drained and logged as the plugin’s', async () => {
    const sidecar = await harness.plugin('talkative');
    const entry = await harness.tape.waitFor(({ msg }) => msg === 'and good morning');
    expect(entry).toMatchObject({ plugin: 'probe', plugin_pid: sidecar.pid, stream: 'stdout' });
  });

  test('the line {"@message":1} on stderr is a line like any other', async () => {
    const sidecar = await harness.plugin('');
    await print(sidecar, 'stderr', '{"@message":1}\n');
    await harness.tape.waitFor(({ msg }) => msg === '{"@message":1}');
    expect(await echo(sidecar)).toBe('still here');
  });

  test('binary garbage on stderr is survived', async () => {
    const sidecar = await harness.plugin('');
    const garbage = String.fromCodePoint(
      ...Array.from({ length: 2048 }, (_, index) => (index * 7919) % 0xd800),
    );
    await print(sidecar, 'stderr', `${garbage}\nend of garbage\n`);
    await harness.tape.waitFor(({ msg }) => msg === 'end of garbage');
    expect(await echo(sidecar)).toBe('still here');
  });

  test('a line of many megabytes is cut, and other calls are answered meanwhile', async () => {
    const sidecar = await harness.plugin('');
    const bytes = 20 * 1024 * 1024;
    const printing = sidecar.call('/test.Echo/PrintLong', toJson({ stream: 'stderr', bytes }), {
      timeoutMs: 20_000,
    });
    expect(await echo(sidecar)).toBe('still here');
    await printing;
    const entry = await harness.tape.waitFor((line) => 'truncated_bytes' in line);
    expect(entry['truncated_bytes']).toBe(bytes - 64 * 1024);
  });

  test('a flood on stderr is drained to its end, counted, and costs neither the plugin’s pipe nor other calls', async () => {
    const sidecar = await harness.plugin('');
    const flood = { stream: 'stderr', line: 'x'.repeat(80), count: 100_000 };
    const flooding = sidecar.call('/test.Echo/Flood', toJson(flood), { timeoutMs: 25_000 });
    expect(await echo(sidecar)).toBe('still here');
    // Resolves only when the pipe took everything.
    await flooding;
    await harness.tape.waitFor((line) => Number(line['dropped']) > 0);
    await sidecar.stop('done');
    const kept = harness.tape.entries.filter(({ msg }) => msg === flood.line).length;
    const dropped = harness.tape.entries.reduce((sum, line) => sum + Number(line['dropped'] ?? 0), 0);
    expect(kept + dropped).toBe(flood.count);
  });

  test('what a plugin made with go-plugin prints comes over its own stream', async () => {
    await harness.plugin('no-link,go');
    const entry = await harness.tape.waitFor(({ msg }) => msg === 'from the stream');
    expect(entry).toMatchObject({ plugin: 'probe', stream: 'stderr' });
  });

  test('LogService lines carry level, fields and request, and are counted against the same rate', async () => {
    const sidecar = await harness.plugin('');
    const line = {
      level: LogLevel.LOG_LEVEL_ERROR,
      message: 'typed',
      fieldsJson: '{"k":1}',
      requestId: 'r1',
      timeMs: 0n,
    };
    const write = async (lines: (typeof line)[]): Promise<number> => {
      const body = WriteRequest.encode({ lines }).finish();
      return WriteResponse.decode(await sidecar.call('/test.Echo/WriteLog', body)).dropped;
    };
    expect(await write([line, { ...line, message: 'odd', fieldsJson: 'not json' }])).toBe(0);
    expect(harness.tape.entries).toContainEqual(
      expect.objectContaining({
        level: 50,
        msg: 'typed',
        plugin: 'probe',
        request_id: 'r1',
        fields: { k: 1 },
      }),
    );
    expect(harness.tape.entries).toContainEqual(
      expect.objectContaining({ msg: 'odd', fields: { text: 'not json' } }),
    );
    expect(await write(Array.from({ length: 2_500 }, () => line))).toBeGreaterThan(0);
  });
});
