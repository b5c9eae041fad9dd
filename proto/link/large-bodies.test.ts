import { randomBytes } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import { ErrorCode, isBulkheadError } from '../errors.js';
import { MAX_WHOLE_BODY_BYTES, type LinkCall } from './frame.js';
import type { ServedMethod } from './incoming-calls.js';
import { Link, type LinkOptions } from './link.js';
import { connectRealLinks, createPipe, ManualClock, type PipeEnd } from './link.test-support.js';

const MIB = 1024 * 1024;
const echo: ServedMethod = { path: '/t/Echo', handler: (body) => body };
const size: ServedMethod = { path: '/t/Size', handler: (body) => Buffer.from(String(body.length)) };
const big: ServedMethod = { path: '/t/Big', handler: (body) => Buffer.alloc(Number(String(body)), 'b') };
const served = [echo, size, big];
const paths = served.map(({ path }) => path);
const code = (error: unknown): string => (isBulkheadError(error) ? error.code : String(error));
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

/** Turns of the event loop go by until it is so; a pipe moves one frame a turn. */
async function turnsUntil(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}

const links: Link[] = [];
afterEach(() => {
  for (const link of links.splice(0)) link.close();
});

function open(end: PipeEnd, options: Partial<LinkOptions> = {}): Link {
  const link = new Link(end, { serve: served, remoteMethods: paths, ...options });
  links.push(link);
  return link;
}

function start(id: number, rest: number, change: Partial<LinkCall> = {}): LinkCall {
  return { id, method: 1, timeoutMs: 0, traceparent: '', body: Buffer.alloc(10), rest, ...change };
}

test('bodies of any size cross whole, in both directions at once, over a real connection', async () => {
  const options = { serve: served, remoteMethods: paths, defaultTimeoutMs: 30_000 };
  const pair = await connectRealLinks(options, options);
  const sizes = [MAX_WHOLE_BODY_BYTES, MAX_WHOLE_BODY_BYTES + 1, 3 * MAX_WHOLE_BODY_BYTES, 5 * MIB + 3];
  await Promise.all(
    [pair.near, pair.far].flatMap((link) =>
      sizes.map(async (length) => {
        const body = randomBytes(length);
        expect(Buffer.compare(Buffer.from(await link.call('/t/Echo', body)), body)).toBe(0);
      }),
    ),
  );
  pair.close();
}, 60_000);

test('small calls pass a large one that is on its way', async () => {
  const options = { serve: served, remoteMethods: paths, defaultTimeoutMs: 30_000 };
  const pair = await connectRealLinks(options, options);
  let over = false;
  const large = pair.far.call('/t/Size', Buffer.alloc(16 * MIB)).then((answer) => {
    over = true;
    return text(answer);
  });
  for (let call = 0; call < 5; call += 1) {
    expect(text(await pair.far.call('/t/Echo', Buffer.from('small')))).toBe('small');
    expect(over).toBe(false);
  }
  expect(await large).toBe(String(16 * MIB));
  pair.close();
}, 60_000);

test('no frame holds more than a part of a large body, and several of them take turns', async () => {
  const [left, right] = createPipe();
  const link = open(left);
  open(right);
  const answers = await Promise.all([1, 2].map((n) => link.call('/t/Size', Buffer.alloc(n * MIB))));
  expect(answers.map(text)).toEqual([String(MIB), String(2 * MIB)]);
  const bodies = left.written.flatMap(({ calls, parts }) => [...calls, ...parts]);
  expect(Math.max(...bodies.map(({ body }) => body.length))).toBe(MAX_WHOLE_BODY_BYTES);
  expect(bodies.slice(0, 6).map(({ id }) => id)).toEqual([1, 2, 1, 2, 1, 2]);
});

test('a large call that its caller gives up stops, and the other side forgets what it has of it', async () => {
  const [left, right] = createPipe();
  const link = open(left);
  const other = open(right, { maxPartialBytes: 9 * MIB });
  const controller = new AbortController();
  const given = link.call('/t/Size', Buffer.alloc(8 * MIB), { signal: controller.signal }).catch(code);
  await turnsUntil(() => left.written.flatMap(({ parts }) => parts).length > 2);
  controller.abort();
  expect(await given).toBe(ErrorCode.CANCELLED);
  expect(text(await link.call('/t/Size', Buffer.alloc(8 * MIB)))).toBe(String(8 * MIB));
  const ofFirst = left.written.flatMap(({ parts }) => parts).filter(({ id }) => id === 1);
  expect(ofFirst.length).toBeLessThan(100);
  expect(other.serving).toBe(0);
});

test('of a large answer that nobody waits for any more the rest is not sent', async () => {
  const [left, right] = createPipe();
  const link = open(left);
  open(right);
  const controller = new AbortController();
  const given = link.call('/t/Big', Buffer.from(String(8 * MIB)), { signal: controller.signal }).catch(code);
  await turnsUntil(() => right.written.flatMap(({ parts }) => parts).length > 2);
  controller.abort();
  expect(await given).toBe(ErrorCode.CANCELLED);
  await link.call('/t/Echo', Buffer.from('later'));
  const sent = right.written.flatMap(({ parts }) => parts).length;
  await link.call('/t/Echo', Buffer.from('later still'));
  expect(right.written.flatMap(({ parts }) => parts)).toHaveLength(sent);
  expect(sent).toBeLessThan(100);
});

test('a body above the limit of a side is refused by what it announces, and the link carries on', async () => {
  const [left, right] = createPipe();
  const link = open(left, { maxBodyBytes: MIB });
  const other = open(right, { maxBodyBytes: MIB });
  expect(await other.call('/t/Size', Buffer.alloc(2 * MIB)).catch(code)).toBe(ErrorCode.MESSAGE_TOO_LARGE);
  expect(await link.call('/t/Big', Buffer.from(String(2 * MIB))).catch(code)).toBe(
    ErrorCode.MESSAGE_TOO_LARGE,
  );
  expect(text(await link.call('/t/Echo', Buffer.from('on')))).toBe('on');
  expect(link.inFlight + other.inFlight).toBe(0);
});

test('what is there in part is bounded in bytes, in number and in time', async () => {
  const clock = new ManualClock();
  const [left, right] = createPipe();
  open(right, { maxPartialBytes: 1_000, maxIncoming: 3, clock });
  const refusals = (): readonly string[] =>
    right.written.flatMap(({ replies }) => replies.map(({ id, message }) => `${id}: ${message}`));
  left.send({ calls: [start(1, 490), start(2, 490, { timeoutMs: 50 }), start(3, 1)] });
  await expect
    .poll(refusals)
    .toEqual(['3: 1000 bytes of calls are there in part already; this side takes 1000']);
  clock.advance(60);
  await expect.poll(() => refusals()[1]).toBe('2: the rest of the call did not come in time');
  left.send({ calls: [start(4, 1), start(5, 1), start(6, 1)] });
  await expect.poll(() => refusals()[2]).toBe('6: 3 calls are being handled already');
});

test.each([
  [
    'more of a call than was announced',
    { calls: [start(1, 5)], parts: [{ id: 1, ofReply: false, body: Buffer.alloc(6) }] },
  ],
  ['a second call of the same id', { calls: [start(1, 5), start(1, 5)] }],
  [
    'more of an answer than was announced',
    {
      replies: [{ id: 1, status: 0, message: '', detail: Buffer.alloc(0), body: Buffer.alloc(1), rest: 1 }],
      parts: [{ id: 1, ofReply: true, body: Buffer.alloc(2) }],
    },
  ],
])('%s ends the link: the other side lies', async (_what, frame) => {
  const [left, right] = createPipe();
  const link = open(right);
  const call = link.call('/t/Echo', Buffer.from('x')).catch(code);
  left.send(frame);
  expect((await link.closed).code).toBe(ErrorCode.PROTOCOL_ERROR);
  expect(await call).toBe(ErrorCode.PROTOCOL_ERROR);
});

test('a part that belongs to nothing is passed over', async () => {
  const [left, right] = createPipe();
  const link = open(right);
  open(left);
  left.send({ parts: [true, false].map((ofReply) => ({ id: 9, ofReply, body: Buffer.alloc(3) })) });
  expect(text(await link.call('/t/Echo', Buffer.from('on')))).toBe('on');
});
