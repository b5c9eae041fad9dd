import { describe, expect, test } from 'vitest';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { testDispatcher } from './dispatcher.test-support.js';
import { allowResponse, entry, functionPort, modify, registration } from './function-port.test-support.js';
import type { PluginPort } from './port.js';

const HOOK = 'tool_pre_invoke';
const CALL = { name: 'echo', args: {} };

/** A port whose plugin never answers: it fails with DEADLINE_EXCEEDED when its time is over, as the real one does. */
function silent(timeouts: number[], expire: (ms: number) => void): PluginPort {
  return {
    ...functionPort('silent', () => undefined),
    invoke(_request, { timeoutMs }) {
      timeouts.push(timeoutMs);
      expire(timeoutMs);
      return Promise.reject(new BulkheadError(ErrorCode.DEADLINE_EXCEEDED, 'no answer'));
    },
  };
}

describe('deadlines', () => {
  test.each(['sequential', 'concurrent'] as const)(
    'a %s guard that says that its time is over while it is not has failed, and the request is refused',
    async (mode) => {
      const { dispatcher } = testDispatcher([
        entry(
          silent([], () => undefined),
          HOOK,
          { mode, timeoutMs: 5_000 },
        ),
      ]);
      expect(await dispatcher.invoke(HOOK, CALL, {}, { timeoutMs: 1_000 })).toMatchObject({
        allowed: false,
        refusal: 'failed',
        violation: { code: 'DEADLINE_EXCEEDED' },
      });
    },
  );

  test('a plugin gets the registration’s time', async () => {
    const timeouts: number[] = [];
    const { dispatcher } = testDispatcher([
      entry(
        silent(timeouts, () => undefined),
        HOOK,
        { timeoutMs: 700 },
      ),
    ]);
    const result = await dispatcher.invoke(HOOK, CALL, {}, { timeoutMs: 60_000 });
    expect(timeouts).toEqual([700]);
    expect(result).toMatchObject({
      allowed: false,
      violation: { code: 'DEADLINE_EXCEEDED' },
      records: [{ status: 'timeout' }],
    });
  });

  test('and never more than is left of the caller’s own', async () => {
    const timeouts: number[] = [];
    const made = testDispatcher([
      entry(
        functionPort('first', () => {
          made.clock.advance(300);
          return undefined;
        }),
        HOOK,
      ),
      entry(
        silent(timeouts, (ms) => {
          made.clock.advance(ms);
        }),
        HOOK,
        { onError: 'ignore' },
      ),
    ]);
    await expect(made.dispatcher.invoke(HOOK, CALL, {}, { timeoutMs: 1_000 })).rejects.toMatchObject({
      code: ErrorCode.DEADLINE_EXCEEDED,
    });
    expect(timeouts).toEqual([700]);
    expect(made.records).toMatchObject([
      { plugin: 'first' },
      { plugin: 'silent', status: 'timeout', effective: 'allow' },
    ]);
  });

  test('the caller’s own deadline is the caller’s error, never a plugin’s: nothing is taken out of rotation', async () => {
    const made = testDispatcher([
      entry(
        silent([], () => undefined),
        HOOK,
        { mode: 'concurrent', onError: 'disable' },
      ),
      entry(
        silent([], () => undefined),
        'tool_post_invoke',
        { onError: 'disable' },
      ),
    ]);
    for (const [hook, payload] of [
      [HOOK, CALL],
      ['tool_post_invoke', { name: 'a', result: 1 }],
    ] as const) {
      await expect(made.dispatcher.invoke(hook, payload, {}, { timeoutMs: 10 })).rejects.toMatchObject({
        code: 'DEADLINE_EXCEEDED',
      });
    }
    expect(made.dispatcher.disabled()).toEqual([]);
  });

  test('between two plugins too', async () => {
    let later = 0;
    const made = testDispatcher([
      entry(
        functionPort('slow', () => made.clock.advance(1_000) as undefined),
        HOOK,
      ),
      entry(
        functionPort('later', () => void later++),
        HOOK,
      ),
    ]);
    await expect(made.dispatcher.invoke(HOOK, CALL, {}, { timeoutMs: 1_000 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    expect(later).toBe(0);
  });

  test('without a caller’s deadline no timer is made', async () => {
    const made = testDispatcher([
      entry(
        functionPort('a', () => {
          expect(made.clock.waiting).toBe(0);
          return undefined;
        }),
        HOOK,
      ),
    ]);
    await made.dispatcher.invoke(HOOK, CALL);
    expect(made.records).toMatchObject([{ status: 'completed' }]);
  });
});

describe('cancellation', () => {
  test('a caller that goes away cancels the plugin under way, and no other runs', async () => {
    const started = Promise.withResolvers<void>();
    let later = 0;
    const controller = new AbortController();
    const { dispatcher, records } = testDispatcher([
      entry(
        functionPort('slow', () => {
          started.resolve();
          return new Promise(() => undefined);
        }),
        HOOK,
        { onError: 'disable' },
      ),
      entry(
        functionPort('later', () => void later++),
        HOOK,
      ),
    ]);
    const pending = dispatcher.invoke(HOOK, CALL, {}, { signal: controller.signal });
    await started.promise;
    controller.abort();
    await expect(pending).rejects.toMatchObject({ code: ErrorCode.CANCELLED });
    expect(later).toBe(0);
    expect(records).toMatchObject([{ plugin: 'slow', status: 'skipped', code: 'CANCELLED' }]);
    expect(dispatcher.disabled()).toEqual([]);
  });

  test('in the concurrent phase every sibling is cancelled', async () => {
    const controller = new AbortController();
    const signals: (AbortSignal | undefined)[] = [];
    const two = Promise.withResolvers<void>();
    const slow = (name: string) =>
      entry(
        functionPort(name, ({ options }) => {
          if (signals.push(options.signal) === 2) two.resolve();
          return new Promise(() => undefined);
        }),
        HOOK,
        { mode: 'concurrent' },
      );
    const { dispatcher, records } = testDispatcher([slow('a'), slow('b')]);
    const pending = dispatcher.invoke(HOOK, CALL, {}, { signal: controller.signal });
    await two.promise;
    controller.abort();
    await expect(pending).rejects.toMatchObject({ code: ErrorCode.CANCELLED });
    expect(signals.map((signal) => signal?.aborted)).toEqual([true, true]);
    expect(records.map(({ status }) => status)).toEqual(['skipped', 'skipped']);
  });

  test('a caller that left before is not served', async () => {
    let ran = 0;
    const { dispatcher } = testDispatcher([
      entry(
        functionPort('a', () => void ran++),
        HOOK,
      ),
    ]);
    await expect(dispatcher.invoke(HOOK, CALL, {}, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: ErrorCode.CANCELLED,
    });
    expect(ran).toBe(0);
  });

  test('during the audit phase too, and the audit run goes on', async () => {
    const started = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<undefined>();
    const controller = new AbortController();
    const { dispatcher, records } = testDispatcher([
      entry(
        functionPort('observer', () => {
          started.resolve();
          return answer.promise;
        }),
        HOOK,
        { mode: 'audit' },
      ),
    ]);
    const pending = dispatcher.invoke(HOOK, CALL, {}, { signal: controller.signal });
    await started.promise;
    controller.abort();
    await expect(pending).rejects.toMatchObject({ code: ErrorCode.CANCELLED });
    answer.resolve(undefined);
    await dispatcher.drain(1_000);
    expect(records).toMatchObject([{ plugin: 'observer', status: 'completed' }]);
  });
});

describe('a process that dies under a call', () => {
  const dying = (codes: ErrorCode[], timeouts: number[] = []): PluginPort => ({
    ...functionPort('dying', () => undefined),
    invoke(_request, { timeoutMs }) {
      timeouts.push(timeoutMs);
      const code = codes.shift();
      return code === undefined
        ? Promise.resolve(allowResponse())
        : Promise.reject(new BulkheadError(code, 'died'));
    },
  });

  test('is an error at once: the host repeats nothing on its own', async () => {
    const timeouts: number[] = [];
    const { dispatcher } = testDispatcher([entry(dying([ErrorCode.PLUGIN_EXITED], timeouts), HOOK)]);
    expect(await dispatcher.invoke(HOOK, CALL)).toMatchObject({
      allowed: false,
      violation: { code: 'PLUGIN_EXITED' },
    });
    expect(timeouts).toHaveLength(1);
  });

  test.each([ErrorCode.PLUGIN_EXITED, ErrorCode.PLUGIN_UNAVAILABLE])(
    'an idempotent call is repeated after %s, once',
    async (code) => {
      const once = testDispatcher([entry(dying([code]), HOOK, { idempotent: true })]);
      expect(await once.dispatcher.invoke(HOOK, CALL)).toMatchObject({ allowed: true });
      const timeouts: number[] = [];
      const twice = testDispatcher([entry(dying([code, code], timeouts), HOOK, { idempotent: true })]);
      expect(await twice.dispatcher.invoke(HOOK, CALL)).toMatchObject({
        allowed: false,
        violation: { code },
      });
      expect(timeouts).toHaveLength(2);
    },
  );

  test('an idempotent call that failed otherwise is not repeated', async () => {
    const timeouts: number[] = [];
    const { dispatcher } = testDispatcher([
      entry(dying([ErrorCode.PLUGIN_ERROR], timeouts), HOOK, { idempotent: true }),
    ]);
    expect(await dispatcher.invoke(HOOK, CALL)).toMatchObject({ allowed: false });
    expect(timeouts).toHaveLength(1);
  });
});

test('the traceparent goes along only when the trace is sampled', async () => {
  const sent: (string | undefined)[] = [];
  const port = functionPort('a', ({ options }) => void sent.push(options.traceparent));
  const { dispatcher } = testDispatcher([{ port, registrations: [registration(HOOK)] }]);
  const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331';
  for (const traceparent of [`${trace}-01`, `${trace}-00`, 'nonsense'])
    await dispatcher.invoke(HOOK, CALL, { traceparent });
  expect(sent).toEqual([`${trace}-01`, undefined, undefined]);
});

test('a change made before the caller left is not lost on those who record', async () => {
  const seen: unknown[] = [];
  const controller = new AbortController();
  const { dispatcher } = testDispatcher([
    entry(
      functionPort('first', () => modify({ name: 'changed' })),
      HOOK,
    ),
    entry(
      functionPort('leaver', () => {
        controller.abort();
        return undefined;
      }),
      HOOK,
    ),
    entry(
      functionPort('log', ({ payload, request }) => void seen.push([payload['name'], request.outcome])),
      HOOK,
      {
        mode: 'fire_and_forget',
      },
    ),
  ]);
  await expect(dispatcher.invoke(HOOK, CALL, {}, { signal: controller.signal })).rejects.toMatchObject({
    code: 'CANCELLED',
  });
  await dispatcher.drain(1_000);
  expect(seen).toMatchObject([
    ['changed', { allowed: false, deniedBy: '', violation: { code: 'CANCELLED' } }],
  ]);
});
