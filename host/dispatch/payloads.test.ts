import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JsonText, parseJson, stringifyJson } from '@bulkhead/proto/json';
import { testDispatcher } from './dispatcher.test-support.js';
import { entry, functionPort, modify } from './function-port.test-support.js';

const HOOK = 'tool_pre_invoke';
const nothing = () =>
  entry(
    functionPort('a', () => undefined),
    HOOK,
  );

describe('the payload that comes back', () => {
  test('is the caller’s own object when nothing changed', async () => {
    const { dispatcher } = testDispatcher([nothing()]);
    const payload = { name: 'echo', args: { a: 1 } };
    expect((await dispatcher.invoke(HOOK, payload)).payload).toBe(payload);
  });

  test('has a JSON field as it was given: text in, text out; a value in, a value out', async () => {
    const { dispatcher } = testDispatcher([
      entry(
        functionPort('a', () => modify({ args: { b: 2 } })),
        HOOK,
      ),
    ]);
    const text = await dispatcher.invoke(HOOK, { name: 'echo', args: new JsonText('{"a":1}') });
    expect(text.payload['args']).toEqual(new JsonText('{"b":2}'));
    const value = await dispatcher.invoke(HOOK, { name: 'echo', args: { a: 1 } });
    expect(value.payload).toEqual({ name: 'echo', args: { b: 2 } });
  });

  test('leaves out what the caller left out, unless a plugin changed it', async () => {
    const { dispatcher } = testDispatcher([
      entry(
        functionPort('a', () => modify({ name: 'b' })),
        HOOK,
      ),
    ]);
    expect((await dispatcher.invoke(HOOK, { name: 'a' })).payload).toEqual({ name: 'b' });
  });

  test('numbers that a double cannot hold survive, also when a sibling key changes', async () => {
    const seen: string[] = [];
    const port = functionPort('a', ({ payload }) => {
      seen.push(stringifyJson(payload['args']));
      return modify({ args: { ...(payload['args'] as object), message: 'masked' } });
    });
    const { dispatcher } = testDispatcher([entry(port, HOOK)]);
    const text = '{"message":"card","n":9007199254740993,"d":10.0,"e":1E5,"nil":null}';
    const asText = await dispatcher.invoke(HOOK, { name: 'echo', args: new JsonText(text) });
    expect(seen).toEqual([text]);
    expect(asText.payload['args']).toEqual(new JsonText(text.replace('card', 'masked')));
    const asValue = await dispatcher.invoke(HOOK, { name: 'echo', args: parseJson(text) });
    expect(stringifyJson(asValue.payload['args'])).toBe(text.replace('card', 'masked'));
  });

  test('for every JSON text: a plugin that does not look changes no byte of it', async () => {
    const { dispatcher } = testDispatcher([
      nothing(),
      entry(
        functionPort('b', () => modify({ name: 'x' })),
        HOOK,
      ),
    ]);
    await fc.assert(
      fc.asyncProperty(fc.json(), async (text) => {
        const args = new JsonText(` ${text} `);
        expect((await dispatcher.invoke(HOOK, { name: 'echo', args })).payload['args']).toBe(args);
      }),
      { numRuns: 100 },
    );
  });
});

describe('the caller’s own faults', () => {
  test.each([
    ['nope', {}, 'UNKNOWN_HOOK'],
    ['__proto__', {}, 'UNKNOWN_HOOK'],
    [HOOK, 'text', 'INVALID_PAYLOAD'],
    [HOOK, null, 'INVALID_PAYLOAD'],
    [HOOK, {}, 'INVALID_PAYLOAD'],
    [HOOK, { name: 1 }, 'INVALID_PAYLOAD'],
    [HOOK, { name: 'a', extra: 1 }, 'INVALID_PAYLOAD'],
    [HOOK, { name: 'a', args: () => 1 }, 'INVALID_PAYLOAD'],
    [HOOK, { name: 'a', headers: { a: 1 } }, 'INVALID_PAYLOAD'],
  ])('%s with %j is refused with %s, with and without plugins', async (hook, payload, code) => {
    for (const { dispatcher } of [testDispatcher([]), testDispatcher([nothing()])]) {
      await expect(dispatcher.invoke(hook, payload)).rejects.toMatchObject({ code });
    }
  });

  test('a value that is no JSON is refused before any plugin', async () => {
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    const { dispatcher, records } = testDispatcher([nothing()]);
    await expect(dispatcher.invoke(HOOK, { name: 'a', args: circular })).rejects.toMatchObject({
      code: 'INVALID_PAYLOAD',
    });
    expect(records).toEqual([]);
  });
});

describe('payload limit', () => {
  const limited = (
    limit: number,
    mode: 'sequential' | 'fire_and_forget' = 'sequential',
    byHook: Record<string, number> = {},
  ) => {
    let ran = 0;
    const made = testDispatcher(
      [
        entry(
          functionPort('a', () => void ran++),
          HOOK,
          { mode },
        ),
      ],
      {
        limits: { maxPayloadBytes: limit, maxPayloadBytesByHook: byHook },
      },
    );
    return { ...made, ran: () => ran };
  };
  const sized = (bytes: number) => new JsonText(JSON.stringify('x'.repeat(bytes - 2)));

  test('is exact: the limit itself passes, one byte more does not', async () => {
    const { dispatcher, ran } = limited(1_000);
    expect(await dispatcher.invoke(HOOK, { name: 'a', args: sized(1_000) })).toMatchObject({ allowed: true });
    await expect(dispatcher.invoke(HOOK, { name: 'a', args: sized(1_001) })).rejects.toMatchObject({
      code: 'PAYLOAD_TOO_LARGE',
      field: 'args',
    });
    expect(ran()).toBe(1);
  });

  test('counts bytes, not characters', async () => {
    const { dispatcher } = limited(100);
    expect(await dispatcher.invoke(HOOK, { name: 'a', args: 'é'.repeat(49) })).toMatchObject({
      allowed: true,
    });
    await expect(dispatcher.invoke(HOOK, { name: 'a', args: 'é'.repeat(50) })).rejects.toMatchObject({
      code: 'PAYLOAD_TOO_LARGE',
    });
  });

  test('holds for every JSON field, each on its own', async () => {
    const { dispatcher } = testDispatcher(
      [
        entry(
          functionPort('a', () => undefined),
          'agent_post_invoke',
        ),
      ],
      {
        limits: { maxPayloadBytes: 100 },
      },
    );
    const call = (messages: number, tools: number) =>
      dispatcher.invoke('agent_post_invoke', {
        agent_id: 'a',
        messages: sized(messages),
        tool_calls: sized(tools),
      });
    expect(await call(100, 100)).toMatchObject({ allowed: true });
    await expect(call(10, 101)).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE', field: 'tool_calls' });
  });

  test('may differ per hook; 5 MB cross when allowed', async () => {
    const { dispatcher, ran } = limited(1_000_000, 'sequential', { [HOOK]: 5_000_000 });
    expect(await dispatcher.invoke(HOOK, { name: 'a', args: sized(5_000_000) })).toMatchObject({
      allowed: true,
    });
    expect(ran()).toBe(1);
  });

  test.each(['sequential', 'transform', 'audit', 'concurrent', 'fire_and_forget'] as const)(
    'is the caller’s fault before a %s plugin with conditions too, whatever its on_error',
    async (mode) => {
      let ran = 0;
      const conditions = [{ tools: ['a'] }];
      const { dispatcher, records } = testDispatcher(
        [
          entry(
            functionPort('a', () => void ran++),
            HOOK,
            { mode, conditions, onError: 'ignore' },
          ),
        ],
        { limits: { maxPayloadBytes: 100 } },
      );
      await expect(dispatcher.invoke(HOOK, { name: 'a', args: sized(101) })).rejects.toMatchObject({
        code: 'PAYLOAD_TOO_LARGE',
      });
      expect(await dispatcher.invoke(HOOK, { name: 'b', args: sized(101) })).toMatchObject({ allowed: true });
      await dispatcher.drain(1_000);
      expect([ran, records]).toEqual([0, []]);
    },
  );

  test('holds before a background plugin too', async () => {
    const { dispatcher } = limited(100, 'fire_and_forget');
    await expect(dispatcher.invoke(HOOK, { name: 'a', args: sized(101) })).rejects.toMatchObject({
      code: 'PAYLOAD_TOO_LARGE',
    });
  });

  test('a plugin’s change above it is an error under its on_error', async () => {
    const grow = (onError: 'fail' | 'ignore') =>
      testDispatcher(
        [
          entry(
            functionPort('a', () => modify({ args: 'x'.repeat(99) })),
            HOOK,
            { onError },
          ),
        ],
        {
          limits: { maxPayloadBytes: 100 },
        },
      ).dispatcher.invoke(HOOK, { name: 'a', args: 1 });
    expect(await grow('fail')).toMatchObject({ allowed: false, violation: { code: 'INVALID_ANSWER' } });
    expect(await grow('ignore')).toMatchObject({ allowed: true, payload: { args: 1 }, changedBy: [] });
  });
});
