import { afterAll, describe, expect, test } from 'vitest';
import { customHookSpec } from '@bulkhead/proto/rules';
import { systemClock } from '../clock.js';
import { createSchemaCheck } from '../schemas/schema-check.js';
import { testDispatcher } from './dispatcher.test-support.js';
import { entry, functionPort, modify } from './function-port.test-support.js';

const schemas = createSchemaCheck({ clock: systemClock, timeoutMs: 500 });
afterAll(() => schemas.close());

/** Its check takes as long as the pattern backtracks. */
const declaration = {
  name: 'order_placed',
  payload: {
    type: 'object',
    properties: { code: { type: 'string', pattern: '^(a+)+$' }, note: { type: 'string' } },
    required: ['code'],
  },
  writable: ['code'],
} as const;
const spec = customHookSpec({ name: declaration.name, members: ['code', 'note'], writable: ['code'] });
const ENDLESS = `${'a'.repeat(40)}!`;

const open = (changes?: Record<string, unknown>, checks = schemas) =>
  testDispatcher(
    [
      entry(
        functionPort('a', () => (changes === undefined ? undefined : modify(changes)), { specs: [spec] }),
        declaration.name,
      ),
    ],
    { customHooks: [declaration], schemas: checks },
  );

/** How often the event loop came round meanwhile. */
async function beatsDuring(work: Promise<unknown>): Promise<number> {
  let beats = 0;
  const timer = setInterval(() => (beats += 1), 10);
  try {
    await work;
  } finally {
    clearInterval(timer);
  }
  return beats;
}

describe('a custom hook whose schema may take long', () => {
  test('takes a payload that fits, and refuses one that does not', async () => {
    const { dispatcher } = open();
    expect(await dispatcher.invoke(declaration.name, { code: 'aaa' })).toMatchObject({ allowed: true });
    await expect(dispatcher.invoke(declaration.name, { code: 'b' })).rejects.toMatchObject({
      code: 'INVALID_PAYLOAD',
      message: expect.stringContaining('payload of order_placed: code'),
    });
  });

  test('refuses a payload whose check has no end, and the host goes on meanwhile', async () => {
    const { dispatcher } = open();
    const refused = expect(dispatcher.invoke(declaration.name, { code: ENDLESS })).rejects.toMatchObject({
      code: 'INVALID_PAYLOAD',
      message: expect.stringContaining('longer than'),
    });
    expect(await beatsDuring(refused)).toBeGreaterThan(3);
  });

  test('checks what a plugin makes of it, and takes nothing of a change that does not fit', async () => {
    const good = open({ code: 'aa' }).dispatcher;
    expect(await good.invoke(declaration.name, { code: 'a' })).toMatchObject({ payload: { code: 'aa' } });
    const bad = open({ code: 'b' }).dispatcher;
    expect(await bad.invoke(declaration.name, { code: 'a' })).toMatchObject({
      allowed: false,
      violation: { code: 'INVALID_ANSWER' },
    });
  });

  test('a caller that is gone, or has no time left, does not wait for the check', async () => {
    const never = { ...schemas, problems: () => new Promise<never>(() => undefined) };
    const { dispatcher, clock } = open(undefined, never);
    const late = dispatcher.invoke(declaration.name, { code: 'a' }, undefined, { timeoutMs: 50 });
    clock.advance(51);
    await expect(late).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    const abort = new AbortController();
    const gone = dispatcher.invoke(declaration.name, { code: 'a' }, undefined, { signal: abort.signal });
    abort.abort();
    await expect(gone).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  test('a payload that is too large is refused before it is checked', async () => {
    const never = { ...schemas, problems: () => Promise.reject(new Error('not asked')) };
    const { dispatcher } = testDispatcher(
      [
        entry(
          functionPort('a', () => undefined, { specs: [spec] }),
          declaration.name,
        ),
      ],
      { customHooks: [declaration], schemas: never, limits: { maxPayloadBytes: 10 } },
    );
    await expect(dispatcher.invoke(declaration.name, { code: 'a'.repeat(20) })).rejects.toMatchObject({
      code: 'PAYLOAD_TOO_LARGE',
    });
  });
});
