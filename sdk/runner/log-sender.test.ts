import { LogLevel, WriteRequest } from '@bulkhead/proto/host';
import { describe, expect, it } from 'vitest';
import type { LogRecord } from '../runtime/plugin-log.js';
import { LogSender } from './log-sender.js';

function record(message: string, requestId = ''): LogRecord {
  return { level: 'info', message, fieldsJson: '{"n":9007199254740993}', requestId, timeMs: 1_000 };
}

/** A host that takes one Write when told to. */
function createHost() {
  const writes: string[][] = [];
  let answer: { resolve: () => void; reject: (error: Error) => void } | undefined;
  return {
    writes,
    write: (body: Uint8Array) => {
      writes.push(WriteRequest.decode(body).lines.map(({ message }) => message));
      return new Promise<void>((resolve, reject) => {
        answer = { resolve, reject };
      });
    },
    accept: () => answer?.resolve(),
    refuse: () => answer?.reject(new Error('gone')),
  };
}

describe('LogSender', () => {
  it('prints the line format of hclog as long as no host takes lines', () => {
    const printed: string[] = [];
    const sender = new LogSender((text) => printed.push(text));
    sender.sink(record('hello', 'r1'));
    expect(printed).toEqual([
      '{"n":9007199254740993,"request_id":"r1","@level":"info","@message":"hello","@timestamp":"1970-01-01T00:00:01.000000Z"}\n',
    ]);
  });

  it('sends what was logged in one tick in one Write, and one Write at a time', async () => {
    const host = createHost();
    const sender = new LogSender(() => {});
    sender.connect(host.write);
    sender.sink(record('a'));
    sender.sink(record('b'));
    await expect.poll(() => host.writes).toEqual([['a', 'b']]);
    sender.sink(record('c'));
    sender.sink(record('d'));
    await new Promise(setImmediate);
    expect(host.writes).toHaveLength(1);
    host.accept();
    await expect
      .poll(() => host.writes)
      .toEqual([
        ['a', 'b'],
        ['c', 'd'],
      ]);
  });

  it('keeps a Write below what a link takes, whatever is logged at once', async () => {
    const sizes: number[] = [];
    const sender = new LogSender(() => {});
    sender.connect((body) => {
      sizes.push(body.length);
      return Promise.resolve();
    });
    for (let line = 0; line < 100; line += 1) sender.sink(record('x'.repeat(60_000)));
    sender.sink(record('x'.repeat(600_000)));
    await sender.flushed();
    expect(sizes.length).toBeGreaterThan(20);
    expect(Math.max(...sizes.slice(0, -1))).toBeLessThan(300_000);
  });

  it('prints what no answer came for when the process ends', async () => {
    const host = createHost();
    const printed: string[] = [];
    const sender = new LogSender((text) => printed.push(text));
    sender.connect(host.write);
    sender.sink(record('a'));
    await expect.poll(() => host.writes).toHaveLength(1);
    sender.sink(record('b'));
    sender.disconnect();
    host.refuse();
    await new Promise(setImmediate);
    expect(printed.map((line) => (JSON.parse(line) as Record<string, unknown>)['@message'])).toEqual([
      'a',
      'b',
    ]);
  });

  it('prints what a Write failed to bring', async () => {
    const host = createHost();
    const printed: string[] = [];
    const sender = new LogSender((text) => printed.push(text));
    sender.connect(host.write);
    sender.sink(record('a'));
    await expect.poll(() => host.writes).toHaveLength(1);
    host.refuse();
    await expect.poll(() => printed.join('')).toContain('"@message":"a"');
  });

  it('prints what waits when the host goes away', async () => {
    const host = createHost();
    const printed: string[] = [];
    const sender = new LogSender((text) => printed.push(text));
    sender.connect(host.write);
    sender.sink(record('a'));
    sender.disconnect();
    sender.sink(record('b'));
    expect(printed.map((line) => (JSON.parse(line) as Record<string, unknown>)['@message'])).toEqual([
      'a',
      'b',
    ]);
  });

  it('keeps a bounded number of lines and says how many it dropped', async () => {
    const host = createHost();
    const sender = new LogSender(() => {});
    sender.connect(host.write);
    for (let n = 0; n < 2_500; n += 1) sender.sink(record(String(n)));
    await expect.poll(() => host.writes).toHaveLength(1);
    expect(host.writes[0]?.at(-1)).toBe('500 log lines were dropped: more than 2000 waited for the host');
    expect(host.writes[0]).toHaveLength(201);
  });

  it('says when the host has answered for every line', async () => {
    const host = createHost();
    const sender = new LogSender(() => {});
    sender.connect(host.write);
    await sender.flushed();
    sender.sink(record('a'));
    let flushed = false;
    const done = sender.flushed().then(() => (flushed = true));
    await expect.poll(() => host.writes).toHaveLength(1);
    expect(flushed).toBe(false);
    host.accept();
    await done;
  });

  it('carries the level, the request and the fields', async () => {
    const bodies: Uint8Array[] = [];
    const sender = new LogSender(() => {});
    sender.connect((body) => {
      bodies.push(body);
      return Promise.resolve();
    });
    sender.sink(record('a', 'r1'));
    await expect.poll(() => bodies).toHaveLength(1);
    expect(WriteRequest.decode(bodies[0] ?? new Uint8Array(0)).lines[0]).toEqual({
      level: LogLevel.LOG_LEVEL_INFO,
      message: 'a',
      fieldsJson: '{"n":9007199254740993}',
      requestId: 'r1',
      timeMs: 1_000n,
    });
  });
});
