import { describe, expect, test } from 'vitest';
import { customHookSpec } from '@bulkhead/proto/rules';
import { createDispatcher } from './dispatcher.js';
import { LIMITS, memoryLog, testDispatcher } from './dispatcher.test-support.js';
import { entry, functionPort, modify } from './function-port.test-support.js';
import { FakeClock } from '../clock.test-support.js';

const HOOK = 'tool_pre_invoke';
const CALL = { name: 'echo', args: {} };

describe('records', () => {
  test('each run yields one, with plugin, version, hook, mode, outcomes, status, duration and fields', async () => {
    const made = testDispatcher([
      entry(
        functionPort('a', () => {
          made.clock.advance(7);
          return modify({ args: { x: 1 } });
        }),
        HOOK,
      ),
    ]);
    const result = await made.dispatcher.invoke(HOOK, CALL, { requestId: 'r' });
    expect(made.records).toEqual([
      {
        requestId: 'r',
        plugin: 'a',
        version: '1.2.3',
        hook: HOOK,
        mode: 'sequential',
        requested: 'modify',
        effective: 'modify',
        status: 'completed',
        durationMs: 7,
        changed: ['args'],
        dropped: [],
      },
    ]);
    expect(result.records).toEqual(made.records);
  });

  test('one who takes records and throws harms nobody', async () => {
    const { log, lines } = memoryLog();
    const dispatcher = createDispatcher({
      entries: [
        entry(
          functionPort('a', () => undefined),
          HOOK,
        ),
      ],
      customHooks: [],
      limits: LIMITS,
      clock: new FakeClock(),
      log,
      schemas: { problems: () => Promise.resolve([]) },
      onRecord: () => {
        throw new Error('full');
      },
    });
    expect(await dispatcher.invoke(HOOK, CALL)).toMatchObject({ allowed: true });
    expect(lines).toMatchObject([{ level: 50, plugin: 'a' }]);
  });
});

describe('update', () => {
  test('calls under way finish on the old configuration, later ones run on the new', async () => {
    const started = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const ran: string[] = [];
    const old = [
      entry(
        functionPort('first', async () => {
          started.resolve();
          await release.promise;
          return undefined;
        }),
        HOOK,
      ),
      entry(
        functionPort('old', () => void ran.push('old')),
        HOOK,
      ),
    ];
    const { dispatcher } = testDispatcher(old);
    const pending = dispatcher.invoke(HOOK, CALL);
    await started.promise;
    dispatcher.update(
      [
        entry(
          functionPort('new', () => void ran.push('new')),
          HOOK,
        ),
      ],
      [],
    );
    await dispatcher.invoke(HOOK, CALL);
    release.resolve();
    await pending;
    expect(ran).toEqual(['new', 'old']);
  });

  test('one with a fault changes nothing and names every fault', async () => {
    const { dispatcher } = testDispatcher([
      entry(
        functionPort('a', () => undefined),
        HOOK,
      ),
    ]);
    expect(() => {
      dispatcher.update(
        [
          entry(
            functionPort('b', () => undefined),
            'no_such_hook',
          ),
          entry(
            functionPort('c', () => undefined),
            HOOK,
            { fields: ['x'] },
          ),
        ],
        [{ name: 'tool_pre_invoke', payload: { properties: {} } }],
      );
    }).toThrow(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        problems: expect.toSatisfy((all: unknown[]) => all.length === 3),
      }),
    );
    expect((await dispatcher.invoke(HOOK, CALL)).records).toMatchObject([{ plugin: 'a' }]);
  });
});

test('update takes other limits along', async () => {
  const entries = [
    entry(
      functionPort('a', () => undefined),
      HOOK,
    ),
  ];
  const { dispatcher } = testDispatcher(entries);
  dispatcher.update(entries, [], { ...LIMITS, maxPayloadBytes: 10 });
  await expect(dispatcher.invoke(HOOK, { name: 'a', args: 'x'.repeat(20) })).rejects.toMatchObject({
    code: 'PAYLOAD_TOO_LARGE',
  });
});

describe('hooks()', () => {
  test('says what each hook carries, what may be changed, and who runs', () => {
    const { dispatcher } = testDispatcher([
      entry(
        functionPort('a', () => undefined),
        HOOK,
        { conditions: [{ tools: ['x'] }] },
      ),
    ]);
    const hooks = dispatcher.hooks();
    expect(hooks.find(({ name }) => name === HOOK)).toEqual({
      name: HOOK,
      family: 'tool',
      maxFieldBytes: 1_000_000,
      fields: [
        { name: 'name', kind: 'text', writable: true },
        { name: 'args', kind: 'json', writable: true },
        { name: 'headers', kind: 'headers', writable: true },
      ],
      registrations: [
        {
          plugin: 'a',
          id: 'test.a',
          version: '1.2.3',
          mode: 'sequential',
          priority: 100,
          onError: 'fail',
          timeoutMs: 5_000,
          conditions: [{ tools: ['x'] }],
          disabled: false,
        },
      ],
    });
    expect(dispatcher.listens(HOOK)).toBe(true);
    expect(dispatcher.listens('tool_post_invoke')).toBe(false);
    expect(dispatcher.listens('no_such_hook')).toBe(false);
  });
});

describe('custom hooks', () => {
  const declaration = {
    name: 'invoice_approve',
    payload: {
      type: 'object',
      properties: {
        amount: { type: 'number', maximum: 1_000 },
        note: { type: 'string' },
        id: { type: 'integer' },
      },
      required: ['amount'],
      additionalProperties: false,
    },
    writable: ['amount', 'note'],
  };
  const spec = customHookSpec({ name: 'invoice_approve', members: ['amount', 'note', 'id'] });
  const withAnswer = (changes?: Record<string, unknown>, onError: 'fail' | 'ignore' = 'fail') =>
    testDispatcher(
      [
        entry(
          functionPort('a', () => (changes === undefined ? undefined : modify(changes)), { specs: [spec] }),
          declaration.name,
          { onError },
        ),
      ],
      { customHooks: [declaration] },
    ).dispatcher;

  test('run like any other', async () => {
    const dispatcher = withAnswer({ note: 'checked' });
    expect(await dispatcher.invoke(declaration.name, { amount: 10 })).toMatchObject({
      allowed: true,
      payload: { amount: 10, note: 'checked' },
      changedBy: ['a'],
    });
    expect(dispatcher.hooks().find(({ name }) => name === declaration.name)).toMatchObject({
      family: 'custom',
    });
  });

  test.each([[{}], [{ amount: 'ten' }], [{ amount: 1_001 }], [{ amount: 1, other: 2 }]])(
    'a payload %j that does not fit the schema is refused, with and without plugins',
    async (payload) => {
      const { dispatcher } = testDispatcher([], { customHooks: [declaration] });
      for (const each of [dispatcher, withAnswer()]) {
        await expect(each.invoke(declaration.name, payload)).rejects.toMatchObject({
          code: 'INVALID_PAYLOAD',
        });
      }
    },
  );

  test('a change that breaks the schema is an error under on_error, a member that is not writable is dropped', async () => {
    expect(await withAnswer({ amount: 5_000 }).invoke(declaration.name, { amount: 1 })).toMatchObject({
      allowed: false,
      violation: { code: 'INVALID_ANSWER' },
    });
    expect(
      await withAnswer({ amount: 5_000 }, 'ignore').invoke(declaration.name, { amount: 1 }),
    ).toMatchObject({
      allowed: true,
      payload: { amount: 1 },
    });
    expect(await withAnswer({ id: 7 }).invoke(declaration.name, { amount: 1 })).toMatchObject({
      payload: { amount: 1 },
      records: [{ dropped: ['id'] }],
    });
  });

  test.each([
    [{ ...declaration, name: 'Invoice' }],
    [{ ...declaration, name: HOOK }],
    [{ ...declaration, payload: { type: 'object' } }],
    [{ ...declaration, payload: { type: 'wrong', properties: {} } }],
    [{ ...declaration, writable: ['nothing'] }],
  ])('a faulty declaration is a configuration error: %j', (faulty) => {
    expect(() => testDispatcher([], { customHooks: [faulty] })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
  });

  test('two equal declarations are one hook, two different ones an error', () => {
    expect(() =>
      testDispatcher([], { customHooks: [declaration, structuredClone(declaration)] }),
    ).not.toThrow();
    expect(() =>
      testDispatcher([], { customHooks: [declaration, { ...declaration, writable: [] }] }),
    ).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });
});
