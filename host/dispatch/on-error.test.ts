import { describe, expect, test } from 'vitest';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { testDispatcher } from './dispatcher.test-support.js';
import { entry, functionPort, modify } from './function-port.test-support.js';

const HOOK = 'tool_pre_invoke';
const CALL = { name: 'echo', args: {} };

const failing = (code: ErrorCode = ErrorCode.PLUGIN_ERROR) =>
  functionPort('broken', () => {
    throw new BulkheadError(code, 'secret card 4111');
  });

describe('on_error: fail', () => {
  test.each([
    [ErrorCode.PLUGIN_UNAVAILABLE, 503, 'error'],
    [ErrorCode.PLUGIN_EXITED, 503, 'error'],
    [ErrorCode.PLUGIN_OVERLOADED, 503, 'error'],
    [ErrorCode.PLUGIN_ERROR, 502, 'error'],
    [ErrorCode.INVALID_ANSWER, 502, 'error'],
    [ErrorCode.DEADLINE_EXCEEDED, 504, 'timeout'],
  ] as const)('refuses the request with %s and status %i', async (code, http, status) => {
    const { dispatcher } = testDispatcher([entry(failing(code), HOOK)]);
    const result = await dispatcher.invoke(HOOK, CALL);
    expect(result).toMatchObject({
      allowed: false,
      refusal: 'failed',
      violation: { code, plugin: 'broken', http_status_code: http },
      records: [{ plugin: 'broken', status, code, requested: 'allow', effective: 'deny' }],
    });
  });

  test('what the plugin threw stays out of what callers read', async () => {
    const { dispatcher } = testDispatcher([entry(failing(), HOOK)]);
    const { violation } = await dispatcher.invoke(HOOK, CALL);
    const { details, ...public_ } = violation ?? {};
    expect(JSON.stringify(public_)).not.toContain('4111');
    expect(details).toEqual({ message: 'secret card 4111' });
  });

  test('an error that is none of ours is one of the host', async () => {
    const port = functionPort('odd', () => {
      throw new TypeError('x');
    });
    const { dispatcher } = testDispatcher([entry(port, HOOK)]);
    expect(await dispatcher.invoke(HOOK, CALL)).toMatchObject({
      violation: { code: 'INTERNAL', http_status_code: 503 },
    });
  });
});

describe('on_error: ignore', () => {
  test('the request goes on with the payload as it was', async () => {
    const { dispatcher, lines } = testDispatcher([
      entry(failing(), HOOK, { onError: 'ignore' }),
      entry(
        functionPort('next', () => modify({ name: 'next' })),
        HOOK,
      ),
    ]);
    const result = await dispatcher.invoke(HOOK, CALL);
    expect(result).toMatchObject({ allowed: true, payload: { name: 'next' }, changedBy: ['next'] });
    expect(result.records).toMatchObject([{ status: 'error', effective: 'allow' }, { status: 'completed' }]);
    expect(lines[0]).toMatchObject({ level: 40, plugin: 'broken', code: 'PLUGIN_ERROR' });
  });
});

describe('on_error: disable', () => {
  test('is ignored once and then out of rotation on every hook until an operator resets it', async () => {
    let calls = 0;
    const port = functionPort('flaky', () => {
      calls++;
      throw new BulkheadError(ErrorCode.PLUGIN_ERROR, 'boom');
    });
    const entries = [
      {
        port,
        registrations: [
          ...entry(port, HOOK, { onError: 'disable' }).registrations,
          ...entry(port, 'tool_post_invoke', { onError: 'disable', mode: 'concurrent' }).registrations,
          ...entry(port, 'prompt_pre_fetch', { onError: 'disable', mode: 'fire_and_forget' }).registrations,
        ],
      },
    ];
    const { dispatcher, clock } = testDispatcher(entries);
    expect(await dispatcher.invoke(HOOK, CALL)).toMatchObject({
      allowed: true,
      records: [{ status: 'error' }],
    });
    for (const [hook, payload] of [
      [HOOK, CALL],
      ['tool_post_invoke', { name: 'echo', result: 1 }],
      ['prompt_pre_fetch', { prompt_id: 'p' }],
    ] as const) {
      expect(await dispatcher.invoke(hook, payload)).toMatchObject({
        allowed: true,
        records: [{ plugin: 'flaky', status: 'skipped', code: 'PLUGIN_UNAVAILABLE' }],
      });
    }
    expect(calls).toBe(1);
    expect(dispatcher.disabled()).toEqual([
      { plugin: 'flaky', since: clock.now(), reason: 'PLUGIN_ERROR: boom' },
    ]);
    expect(dispatcher.hooks().find(({ name }) => name === HOOK)?.registrations).toMatchObject([
      { disabled: true },
    ]);

    dispatcher.update(entries, []);
    expect(dispatcher.disabled()).toHaveLength(1);
    dispatcher.reset('flaky');
    await dispatcher.invoke(HOOK, CALL);
    expect(calls).toBe(2);
    dispatcher.update([], []);
    expect(dispatcher.disabled()).toEqual([]);
  });
});

test.each(['audit', 'transform', 'fire_and_forget'] as const)(
  '%s never refuses, whatever its on_error',
  async (mode) => {
    const { dispatcher, records } = testDispatcher([entry(failing(), HOOK, { mode, onError: 'fail' })]);
    expect(await dispatcher.invoke(HOOK, CALL)).toMatchObject({ allowed: true });
    await dispatcher.drain(1_000);
    expect(records).toMatchObject([{ mode, status: 'error', effective: 'allow' }]);
    expect(dispatcher.disabled()).toEqual([]);
  },
);

test('the same failure a thousand times is one line in the log', async () => {
  const { dispatcher, lines, clock } = testDispatcher([entry(failing(), HOOK)]);
  for (let i = 0; i < 1_000; i++) await dispatcher.invoke(HOOK, CALL);
  expect(lines).toHaveLength(1);
  clock.advance(10_000);
  await dispatcher.invoke(HOOK, CALL);
  expect(lines[1]).toMatchObject({ suppressed: 999 });
});
