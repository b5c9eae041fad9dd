import { afterEach, describe, expect, test } from 'vitest';
import { BulkheadError, ErrorCode } from '../errors.js';
import type { ServedMethod } from './incoming-calls.js';
import { Link } from './link.js';
import { connectRealLinks, createPipe, ManualClock, type RealPair } from './link.test-support.js';

const text = (value: string): Buffer => Buffer.from(value);
const echo: ServedMethod = { path: '/t/Echo', handler: (body) => body };
const later: ServedMethod = { path: '/t/Later', handler: async (body) => Promise.resolve(body) };
const never: ServedMethod = { path: '/t/Never', handler: async () => new Promise(() => {}) };
const served = [echo, later, never];
const paths = served.map((method) => method.path);

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

async function realLinks(serve: readonly ServedMethod[] = served): Promise<RealPair> {
  const names = serve.map((method) => method.path);
  const pair = await connectRealLinks({ serve, remoteMethods: names }, { serve, remoteMethods: names });
  cleanups.push(() => {
    pair.close();
  });
  return pair;
}

test('a call is answered, in both directions, by handlers that answer at once and by those that take time', async () => {
  const { near, far } = await realLinks();
  for (const link of [near, far]) {
    expect(Buffer.from(await link.call('/t/Echo', text('now'))).toString()).toBe('now');
    expect(Buffer.from(await link.call('/t/Later', text('soon'))).toString()).toBe('soon');
    expect(await link.call('/t/Echo', new Uint8Array(0))).toHaveLength(0);
  }
});

test('ten thousand calls at once get each its own answer', async () => {
  const { near, far } = await realLinks();
  const numbers = Array.from({ length: 10_000 }, (_, index) => index);
  const answers = await Promise.all(
    numbers.map(async (n) =>
      Buffer.from(
        await (n % 3 === 0 ? far : near).call(n % 2 ? '/t/Echo' : '/t/Later', text(`${n}`)),
      ).toString(),
    ),
  );
  expect(answers.map(Number)).toEqual(numbers);
  expect(near.inFlight + far.inFlight).toBe(0);
}, 30_000);

test('calls made in one turn share a frame, and a lone call does not wait for company', async () => {
  const [left, right] = createPipe();
  const link = new Link(left, { serve: [], remoteMethods: paths });
  const other = new Link(right, { serve: served, remoteMethods: [] });
  await link.call('/t/Echo', text('alone'));
  expect(left.written).toHaveLength(1);
  await Promise.all(Array.from({ length: 50 }, async () => link.call('/t/Echo', text('together'))));
  expect(left.written.length).toBeLessThanOrEqual(3);
  link.close();
  other.close();
});

test('a call that is not answered fails at its deadline, and the other side is told to stop', async () => {
  const clock = new ManualClock();
  const [left, right] = createPipe();
  const link = new Link(left, { serve: [], remoteMethods: paths, clock });
  let stopped: (() => void) | undefined;
  const abort = new Promise<void>((resolve) => (stopped = resolve));
  const started = Promise.withResolvers<void>();
  const other = new Link(right, {
    serve: [
      echo,
      later,
      {
        path: '/t/Never',
        handler: async (_body, call) => {
          call.signal.addEventListener('abort', () => stopped?.());
          started.resolve();
          return new Promise(() => {});
        },
      },
    ],
    remoteMethods: [],
  });
  const call = link.call('/t/Never', text('x'), { timeoutMs: 50 });
  const outcome = call.then(
    () => 'answered',
    (error: unknown) => (error as BulkheadError).code,
  );
  await started.promise;
  clock.advance(49);
  expect(link.inFlight).toBe(1);
  clock.advance(10);
  expect(await outcome).toBe(ErrorCode.DEADLINE_EXCEEDED);
  await abort;
  expect(other.serving).toBe(0);
  link.close();
  other.close();
});

test('a late deadline does not hide an early one', async () => {
  const clock = new ManualClock();
  const [left] = createPipe();
  const link = new Link(left, { serve: [], remoteMethods: paths, clock });
  const late = link
    .call('/t/Never', text('x'), { timeoutMs: 10_000 })
    .catch((error: BulkheadError) => error.code);
  const early = link
    .call('/t/Never', text('x'), { timeoutMs: 20 })
    .catch((error: BulkheadError) => error.code);
  clock.advance(25);
  expect(await early).toBe(ErrorCode.DEADLINE_EXCEEDED);
  expect(link.inFlight).toBe(1);
  clock.advance(10_000);
  expect(await late).toBe(ErrorCode.DEADLINE_EXCEEDED);
});

test('an aborted signal cancels the call, before and after it was written', async () => {
  const { near } = await realLinks();
  const controller = new AbortController();
  const call = near.call('/t/Never', text('x'), { signal: controller.signal });
  controller.abort();
  await expect(call).rejects.toMatchObject({ code: ErrorCode.CANCELLED });
  await expect(near.call('/t/Echo', text('x'), { signal: controller.signal })).rejects.toMatchObject({
    code: ErrorCode.CANCELLED,
  });
  expect(near.inFlight).toBe(0);
});

test('a typed error crosses with its code, its field and whether it may be tried again', async () => {
  const { near } = await realLinks([
    {
      path: '/t/Fail',
      handler: () => {
        throw new BulkheadError(ErrorCode.INVALID_ANSWER, 'expected this, got that', {
          field: 'args',
          retryable: true,
        });
      },
    },
    {
      path: '/t/Throw',
      handler: async () => Promise.reject(new Error('boom')),
    },
  ]);
  await expect(near.call('/t/Fail', text(''))).rejects.toMatchObject({
    code: ErrorCode.INVALID_ANSWER,
    field: 'args',
    retryable: true,
    message: 'expected this, got that',
  });
  await expect(near.call('/t/Throw', text(''))).rejects.toMatchObject({
    code: ErrorCode.PLUGIN_ERROR,
    message: 'boom',
  });
});

test('a method that the other side does not serve is refused without a round trip', async () => {
  const { near } = await realLinks();
  await expect(near.call('/t/Missing', text(''))).rejects.toMatchObject({ code: ErrorCode.UNKNOWN_METHOD });
});

test('a method that this side never named is refused and told', async () => {
  const told: number[] = [];
  const pair = await connectRealLinks(
    { serve: [], remoteMethods: ['/t/Known', '/t/Made.Up'] },
    {
      serve: [{ path: '/t/Known', handler: (body) => body }],
      remoteMethods: [],
      onUnknownMethod: (method) => void told.push(method),
    },
  );
  cleanups.push(() => {
    pair.close();
  });
  await expect(pair.near.call('/t/Made.Up', text(''))).rejects.toMatchObject({
    code: ErrorCode.UNKNOWN_METHOD,
  });
  expect(told).toEqual([1]);
});

test('when the stream breaks, every call fails at once and new ones are refused', async () => {
  const pair = await realLinks();
  const calls = Array.from({ length: 100 }, async () => pair.near.call('/t/Never', text('x')));
  await pair.near.call('/t/Echo', text('all are on their way'));
  pair.server.forceShutdown();
  const outcomes = await Promise.allSettled(calls);
  expect(
    outcomes.every(
      (o) => o.status === 'rejected' && (o.reason as BulkheadError).code === ErrorCode.PLUGIN_UNAVAILABLE,
    ),
  ).toBe(true);
  expect((await pair.near.closed).code).toBe(ErrorCode.PLUGIN_UNAVAILABLE);
  await expect(pair.near.call('/t/Echo', text('x'))).rejects.toMatchObject({
    code: ErrorCode.PLUGIN_UNAVAILABLE,
  });
});

test('a large body arrives whole', async () => {
  const { near, far } = await realLinks();
  const body = Buffer.alloc(1_000_000, 'ab');
  expect(Buffer.compare(Buffer.from(await near.call('/t/Echo', body)), body)).toBe(0);
  expect(Buffer.compare(Buffer.from(await far.call('/t/Later', body)), body)).toBe(0);
});

test('a flood from one side does not keep a lone call of the other side waiting for its end', async () => {
  const { near, far } = await realLinks();
  let flooded = 0;
  const flood = Array.from({ length: 3_000 }, async () =>
    near.call('/t/Later', Buffer.alloc(4_000)).then(() => (flooded += 1)),
  );
  await far.call('/t/Echo', text('lone'));
  expect(flooded).toBeLessThan(3_000);
  await Promise.all(flood);
}, 30_000);

test('a stream that is full is left alone until it drains, and what waits is bounded', async () => {
  const [left] = createPipe();
  left.full = true;
  const link = new Link(left, { serve: [], remoteMethods: paths, maxQueuedBytes: 10_000 });
  const first = link.call('/t/Never', Buffer.alloc(100)).catch(() => 'closed');
  await new Promise((resolve) => process.nextTick(resolve));
  expect(left.written).toHaveLength(1);
  const waiting = Array.from({ length: 3 }, async () =>
    link.call('/t/Never', Buffer.alloc(4_000)).catch(() => 'closed'),
  );
  await new Promise((resolve) => setImmediate(resolve));
  expect(left.written).toHaveLength(1);
  await expect(link.call('/t/Never', Buffer.alloc(1))).rejects.toMatchObject({
    code: ErrorCode.PLUGIN_OVERLOADED,
  });
  left.emit('drain');
  expect(left.written).toHaveLength(2);
  link.close();
  await Promise.all([first, ...waiting]);
});

test('more calls of the other side than a link takes are refused, not queued', async () => {
  const [left, right] = createPipe();
  const link = new Link(left, { serve: [], remoteMethods: paths });
  const other = new Link(right, { serve: served, remoteMethods: [], maxIncoming: 10 });
  const calls = Array.from({ length: 11 }, async () =>
    link.call('/t/Never', text('x')).catch((error: BulkheadError) => error.code),
  );
  expect(await Promise.race(calls)).toBe(ErrorCode.PLUGIN_OVERLOADED);
  other.close();
  link.close();
});

describe('with as many calls under way as the other side takes, a link', () => {
  const open = (): { link: Link; other: Link; sent: () => string[] } => {
    const [left, right] = createPipe();
    const link = new Link(left, { serve: [], remoteMethods: paths, maxOutgoing: 2, maxQueuedBytes: 1_000 });
    const other = new Link(right, { serve: served, remoteMethods: [], maxIncoming: 2 });
    cleanups.push(() => {
      link.close();
      other.close();
    });
    const sent = (): string[] =>
      left.written.flatMap((frame) => frame.calls.map((call) => Buffer.from(call.body).toString()));
    return { link, other, sent };
  };

  test('makes the next when one is answered, and none is refused', async () => {
    const { link, sent } = open();
    const numbers = Array.from({ length: 20 }, (_, n) => `${n}`);
    const answers = await Promise.all(numbers.map(async (n) => link.call('/t/Later', text(n))));
    expect(answers.map((answer) => Buffer.from(answer).toString())).toEqual(numbers);
    expect(sent()).toEqual(numbers);
    expect(link.inFlight).toBe(0);
  });

  test('makes the next when one is given up, and never those that were given up while they waited', async () => {
    const { link, other, sent } = open();
    const controllers = Array.from({ length: 5 }, () => new AbortController());
    const outcomes = controllers.map(({ signal }, n) =>
      link.call('/t/Never', text(`${n}`), { signal }).catch((error: BulkheadError) => error.code),
    );
    await expect.poll(() => other.serving).toBe(2);
    for (const at of [2, 0]) controllers[at]?.abort();
    expect(await Promise.all([outcomes[0], outcomes[2]])).toEqual(['CANCELLED', 'CANCELLED']);
    await expect.poll(sent).toEqual(['0', '1', '3']);
    link.close();
    await Promise.all(outcomes);
  });

  test('lets no more wait than may be queued', async () => {
    const { link } = open();
    const waiting = Array.from({ length: 12 }, async () =>
      link.call('/t/Never', Buffer.alloc(100)).catch((error: BulkheadError) => error.code),
    );
    await expect(link.call('/t/Never', Buffer.alloc(100))).rejects.toMatchObject({
      code: 'PLUGIN_OVERLOADED',
    });
    link.close();
    await Promise.all(waiting);
  });
});

describe('what serves nothing is told', () => {
  const reply = { status: 0, message: '', detail: text(''), body: text('x'), rest: 0 };
  const call = { timeoutMs: 0, traceparent: '', body: text(''), rest: 0 };
  test.each([
    ['a frame with nothing in it', {}, 1],
    ['answers to calls that were never made', { replies: [1, 2].map((id) => ({ ...reply, id })) }, 2],
    ['cancels of calls that never came', { cancels: [1, 2, 3] }, 3],
    ['a call of no method', { calls: [{ ...call, id: 1, method: 99 }] }, 1],
    ['calls past what is taken', { calls: [1, 2, 3, 4].map((id) => ({ ...call, id, method: 2 })) }, 2],
  ])('%s', async (_what, frame, times) => {
    const [left, right] = createPipe();
    let wasted = 0;
    const link = new Link(right, {
      serve: served,
      remoteMethods: paths,
      maxIncoming: 2,
      onWaste: () => void (wasted += 1),
    });
    left.send(frame);
    await expect.poll(() => wasted).toBe(times);
    link.close();
  });

  test('but not what crosses: an answer after the deadline, a cancel of what is answered', async () => {
    const [left, right] = createPipe();
    let wasted = 0;
    const onWaste = (): void => void (wasted += 1);
    const link = new Link(right, { serve: served, remoteMethods: ['/t/None'], onWaste });
    left.send({ calls: [{ ...call, id: 7, method: 0 }] });
    await expect.poll(() => right.written.length).toBe(1);
    left.send({ cancels: [7] });
    await expect(link.call('/t/None', text(''), { timeoutMs: 1 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    left.send({ replies: [{ ...reply, id: 1 }] });
    left.send({ calls: [{ ...call, id: 8, method: 0 }] });
    await expect.poll(() => right.written.at(-1)?.replies[0]?.id).toBe(8);
    expect(wasted).toBe(0);
    link.close();
  });
});

test('a call id used twice ends the link: the other side lies', async () => {
  const [left, right] = createPipe();
  const link = new Link(right, { serve: served, remoteMethods: [] });
  const call = { id: 1, method: 2, timeoutMs: 0, traceparent: '', body: text(''), rest: 0 };
  left.send({ calls: [call, call] });
  expect((await link.closed).code).toBe(ErrorCode.PROTOCOL_ERROR);
});

test('answers to calls that nobody made are ignored', async () => {
  const [left, right] = createPipe();
  const link = new Link(right, { serve: served, remoteMethods: paths });
  const other = new Link(left, { serve: served, remoteMethods: paths });
  left.send({
    replies: [{ id: 99, status: 0, message: '', detail: text(''), body: text('x'), rest: 0 }],
    cancels: [98],
  });
  expect(Buffer.from(await link.call('/t/Echo', text('still here'))).toString()).toBe('still here');
  other.close();
});

test('a side that does not take its answers is not read any more, until it takes them', async () => {
  const [left, right] = createPipe();
  const link = new Link(right, { serve: served, remoteMethods: [], maxUnsentReplyBytes: 10_000 });
  right.full = true;
  let id = 0;
  const calls = (count: number): void => {
    const made = Array.from({ length: count }, () => {
      id += 1;
      return { id, method: 0, timeoutMs: 0, traceparent: '', body: Buffer.alloc(1_000), rest: 0 };
    });
    left.send({ calls: made });
  };
  calls(1);
  await expect.poll(() => right.written.length).toBe(1);
  calls(10);
  await expect.poll(() => right.paused).toBe(true);
  calls(10);
  await new Promise(setImmediate);
  right.full = false;
  right.emit('drain');
  await expect.poll(() => right.written.flatMap((frame) => frame.replies).length).toBe(21);
  expect(right.paused).toBe(false);
  link.close();
});

test('a frame of very many calls is worked off in turns, so that others get theirs', async () => {
  const [left, right] = createPipe();
  const link = new Link(right, { serve: served, remoteMethods: [] });
  const calls = Array.from({ length: 10_000 }, (_, index) => ({
    id: index + 1,
    method: 0,
    timeoutMs: 0,
    traceparent: '',
    body: text('x'),
    rest: 0,
  }));
  let turns = 0;
  let counting = true;
  const count = (): void => {
    turns += 1;
    if (counting) setImmediate(count);
  };
  left.send({ calls });
  setImmediate(count);
  await expect.poll(() => right.written.flatMap((frame) => frame.replies).length).toBe(10_000);
  counting = false;
  expect(turns).toBeGreaterThan(30);
  expect(right.written.flatMap((frame) => frame.replies).map((reply) => reply.id)).toEqual(
    calls.map((call) => call.id),
  );
  link.close();
});

test('what follows in the frame that ended a link is not handled', async () => {
  const [left, right] = createPipe();
  let handled = 0;
  const counted: ServedMethod = {
    path: '/t/Count',
    handler: (body) => {
      handled += 1;
      return body;
    },
  };
  const link = new Link(right, { serve: [never, counted], remoteMethods: [] });
  const call = { id: 1, method: 0, timeoutMs: 0, traceparent: '', body: text(''), rest: 0 };
  left.send({ calls: [call, call, { ...call, id: 2, method: 1 }] });
  await link.closed;
  expect(handled).toBe(0);
});

test('an error of megabytes is cut where it arrives', async () => {
  const [left, right] = createPipe();
  const link = new Link(left, { serve: [], remoteMethods: paths });
  const answer = link.call('/t/Echo', text('x')).catch((error: BulkheadError) => error.message.length);
  right.send({
    replies: [
      { id: 1, status: 2, message: 'm'.repeat(3_000_000), detail: text(''), body: text(''), rest: 0 },
    ],
  });
  expect(await answer).toBe(4_096);
  link.close();
});
