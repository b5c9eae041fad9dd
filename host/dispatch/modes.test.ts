import { describe, expect, test } from 'vitest';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { testDispatcher } from './dispatcher.test-support.js';
import {
  allowResponse,
  deny,
  entry,
  functionPort,
  modify,
  registration,
  type Handler,
} from './function-port.test-support.js';
import type { Mode } from '../manifest/manifest.js';
import type { PluginPort } from './port.js';
import { Shadow } from './shadow.js';

const HOOK = 'tool_pre_invoke';
const CALL = { name: 'echo', args: { message: 'hello' } };

const plugin = (name: string, mode: Mode, handler: Handler, priority = 100) =>
  entry(functionPort(name, handler), HOOK, { mode, priority });

/** A handler that waits until the test lets it go. */
function held(): {
  handler: Handler;
  started: Promise<void>;
  release: (given?: Awaited<ReturnType<Handler>>) => void;
} {
  const start = Promise.withResolvers<void>();
  const end = Promise.withResolvers<Awaited<ReturnType<Handler>>>();
  return {
    handler: () => {
      start.resolve();
      return end.promise;
    },
    started: start.promise,
    release: (given) => end.resolve(given),
  };
}

describe('order', () => {
  test('phases run sequential, transform, audit, concurrent, fire_and_forget, wherever they stand in the configuration', async () => {
    const ran: string[] = [];
    const note = (name: Mode) => plugin(name, name, () => void ran.push(name));
    const { dispatcher } = testDispatcher([
      note('fire_and_forget'),
      note('concurrent'),
      note('audit'),
      note('transform'),
      note('sequential'),
    ]);
    await dispatcher.invoke(HOOK, CALL);
    await dispatcher.drain(1_000);
    expect(ran).toEqual(['sequential', 'transform', 'audit', 'concurrent', 'fire_and_forget']);
  });

  test('inside a phase the lower priority runs first, then configuration order', async () => {
    const ran: string[] = [];
    const note = (name: string, priority: number) =>
      plugin(name, 'sequential', () => void ran.push(name), priority);
    const { dispatcher } = testDispatcher([note('c', 100), note('a', 5), note('d', 100), note('b', 50)]);
    await dispatcher.invoke(HOOK, CALL);
    expect(ran).toEqual(['a', 'b', 'c', 'd']);
    expect(
      dispatcher
        .hooks()
        .find(({ name }) => name === HOOK)
        ?.registrations.map((each) => each.plugin),
    ).toEqual(ran);
  });

  test('a disabled registration does not run and nobody listens', async () => {
    let ran = 0;
    const { dispatcher } = testDispatcher([plugin('off', 'disabled', () => void ran++)]);
    const result = await dispatcher.invoke(HOOK, CALL);
    expect({ ran, listens: dispatcher.listens(HOOK), records: result.records }).toEqual({
      ran: 0,
      listens: false,
      records: [],
    });
  });
});

describe('sequential', () => {
  test('each plugin sees the last one’s changes', async () => {
    const seen: unknown[] = [];
    const { dispatcher } = testDispatcher([
      plugin('first', 'sequential', () => modify({ args: { message: 'one' } })),
      plugin('second', 'sequential', ({ payload }) => {
        seen.push(payload['args']);
        return modify({ name: 'echo2' });
      }),
    ]);
    const result = await dispatcher.invoke(HOOK, CALL);
    expect(seen).toEqual([{ message: 'one' }]);
    expect(result).toMatchObject({
      allowed: true,
      violation: null,
      payload: { name: 'echo2', args: { message: 'one' } },
      changedBy: ['first', 'second'],
    });
  });

  test('a denial stops the pipeline and names the plugin', async () => {
    let later = 0;
    const { dispatcher } = testDispatcher([
      plugin('guard', 'sequential', () =>
        deny('NOT_ALLOWED', { http_status_code: 451, mcp_error_code: -32001, details: { why: 1 } }),
      ),
      plugin('later', 'sequential', () => void later++),
      plugin('last', 'transform', () => void later++),
      plugin('observer', 'audit', () => void later++),
      plugin('judge', 'concurrent', () => void later++),
    ]);
    const result = await dispatcher.invoke(HOOK, CALL);
    expect(later).toBe(0);
    expect(result).toMatchObject({
      allowed: false,
      refusal: 'denied',
      violation: {
        code: 'NOT_ALLOWED',
        plugin: 'guard',
        http_status_code: 451,
        mcp_error_code: -32001,
        details: { why: 1 },
      },
      records: [
        { plugin: 'guard', requested: 'deny', effective: 'deny', status: 'completed', code: 'NOT_ALLOWED' },
      ],
    });
    expect(result.records).toHaveLength(1);
  });

  test('a field that the hook does not list as writable is dropped, warned about and recorded', async () => {
    const port = functionPort('pushy', () => modify({ name: 'other', result: { ok: true } }));
    const { dispatcher, lines } = testDispatcher([entry(port, 'tool_post_invoke')]);
    const result = await dispatcher.invoke('tool_post_invoke', { name: 'echo', result: {} });
    expect(result.payload).toEqual({ name: 'echo', result: { ok: true } });
    expect(result.records).toMatchObject([{ changed: ['result'], dropped: ['name'], effective: 'modify' }]);
    expect(lines).toMatchObject([{ level: 40, plugin: 'pushy', fields: ['name'] }]);
  });

  test('emptying an object is a change', async () => {
    const { dispatcher } = testDispatcher([plugin('a', 'sequential', () => modify({ args: {} }))]);
    const result = await dispatcher.invoke(HOOK, CALL);
    expect(result).toMatchObject({ changedBy: ['a'], payload: { name: 'echo', args: {} } });
  });
});

describe('transform', () => {
  test('a denial is suppressed, warned about and recorded; the pipeline goes on', async () => {
    const { dispatcher, lines } = testDispatcher([
      plugin('soft', 'transform', () => deny('NO')),
      plugin('next', 'transform', () => modify({ args: { message: 'kept' } })),
    ]);
    const result = await dispatcher.invoke(HOOK, CALL);
    expect(result).toMatchObject({
      allowed: true,
      payload: { args: { message: 'kept' } },
      changedBy: ['next'],
      records: [
        { plugin: 'soft', requested: 'deny', effective: 'allow', code: 'NO' },
        { plugin: 'next', effective: 'modify' },
      ],
    });
    expect(lines).toMatchObject([{ level: 40, plugin: 'soft', code: 'NO' }]);
  });
});

describe('audit', () => {
  test('neither denial nor change takes effect; both stand in the record', async () => {
    const { dispatcher } = testDispatcher([
      plugin('denier', 'audit', () => deny('WOULD')),
      plugin('changer', 'audit', () => modify({ args: {} })),
    ]);
    const result = await dispatcher.invoke(HOOK, CALL);
    expect(result).toMatchObject({
      allowed: true,
      changedBy: [],
      records: [
        { plugin: 'denier', mode: 'audit', requested: 'deny', effective: 'allow', code: 'WOULD' },
        {
          plugin: 'changer',
          mode: 'audit',
          requested: 'modify',
          effective: 'allow',
          changed: [],
          dropped: ['args'],
        },
      ],
    });
    expect(result.payload).toBe(CALL);
  });

  test('past the budget the request goes on, and the run is recorded when it ends', async () => {
    const slow = held();
    const { dispatcher, clock, records } = testDispatcher([
      plugin('slow', 'audit', slow.handler),
      plugin('after', 'audit', () => undefined),
    ]);
    const pending = dispatcher.invoke(HOOK, CALL);
    await slow.started;
    clock.advance(50);
    const result = await pending;
    expect(result).toMatchObject({ allowed: true, records: [] });
    expect(records).toEqual([]);
    slow.release(deny('LATE'));
    await dispatcher.drain(1_000);
    expect(records).toMatchObject([
      { plugin: 'slow', requested: 'deny', effective: 'allow', code: 'LATE' },
      { plugin: 'after', status: 'completed' },
    ]);
    expect(result.records).toEqual([]);
  });

  test('the shadow view counts per tool what would have been denied and changed', async () => {
    const { dispatcher } = testDispatcher([
      plugin('shadow', 'audit', ({ payload }) =>
        payload['name'] === 'rm' ? deny('NO') : payload['name'] === 'echo' ? modify({ args: {} }) : undefined,
      ),
    ]);
    for (const name of ['rm', 'echo', 'rm', 'ls']) await dispatcher.invoke(HOOK, { name, args: {} });
    expect(dispatcher.shadow('shadow')).toEqual({
      plugin: 'shadow',
      runs: 4,
      wouldDeny: 2,
      wouldChange: 1,
      errors: 0,
      bySubject: [
        { subject: 'rm', runs: 2, wouldDeny: 2, wouldChange: 0, errors: 0 },
        { subject: 'echo', runs: 1, wouldDeny: 0, wouldChange: 1, errors: 0 },
        { subject: 'ls', runs: 1, wouldDeny: 0, wouldChange: 0, errors: 0 },
      ],
    });
  });
});

test('the shadow view counts a thousand tools one by one and the rest together', () => {
  const shadow = new Shadow();
  for (let i = 0; i < 1_005; i++) shadow.count('p', `tool-${String(i)}`, 'deny', false);
  const view = shadow.view('p');
  expect([view.runs, view.bySubject.length, view.bySubject[0]]).toMatchObject([
    1_005,
    1_001,
    { subject: '(others)', wouldDeny: 5 },
  ]);
});

describe('concurrent', () => {
  test('all run at once on the same payload, and their changes are discarded', async () => {
    const one = held();
    const two = held();
    const { dispatcher } = testDispatcher([
      plugin('one', 'concurrent', one.handler),
      plugin('two', 'concurrent', two.handler),
    ]);
    const pending = dispatcher.invoke(HOOK, CALL);
    await Promise.all([one.started, two.started]);
    one.release(modify({ args: {} }));
    two.release();
    const result = await pending;
    expect(result.payload).toBe(CALL);
    expect(result.records).toMatchObject([
      { plugin: 'one', requested: 'modify', effective: 'allow', dropped: ['args'] },
      { plugin: 'two', requested: 'allow' },
    ]);
  });

  test('a denial decides at once and cancels the siblings', async () => {
    const slow = held();
    let signal: AbortSignal | undefined;
    const { dispatcher } = testDispatcher([
      plugin('slow', 'concurrent', (seen) => {
        signal = seen.options.signal;
        return slow.handler(seen);
      }),
      plugin('guard', 'concurrent', async () => {
        await slow.started;
        return deny('NO');
      }),
    ]);
    const result = await dispatcher.invoke(HOOK, CALL);
    expect(result).toMatchObject({
      allowed: false,
      refusal: 'denied',
      violation: { code: 'NO', plugin: 'guard' },
      records: [
        { plugin: 'slow', status: 'skipped', code: 'CANCELLED' },
        { plugin: 'guard', status: 'completed', requested: 'deny', effective: 'deny' },
      ],
    });
    expect(signal?.aborted).toBe(true);
  });

  test('the first denial by time decides, whatever its priority', async () => {
    const first = held();
    const second = held();
    const { dispatcher } = testDispatcher([
      plugin('first', 'concurrent', first.handler, 1),
      plugin('second', 'concurrent', second.handler, 2),
    ]);
    const pending = dispatcher.invoke(HOOK, CALL);
    await Promise.all([first.started, second.started]);
    second.release(deny('SECOND'));
    expect(await pending).toMatchObject({ violation: { code: 'SECOND', plugin: 'second' } });
  });

  test('an error under fail refuses and cancels the siblings, one under ignore does not', async () => {
    const broken = functionPort('broken', () => {
      throw new BulkheadError(ErrorCode.PLUGIN_UNAVAILABLE, 'gone');
    });
    const sibling = held();
    const guarded = testDispatcher([
      entry(broken, HOOK, { mode: 'concurrent' }),
      plugin('sibling', 'concurrent', sibling.handler),
    ]);
    expect(await guarded.dispatcher.invoke(HOOK, CALL)).toMatchObject({
      allowed: false,
      refusal: 'failed',
      violation: { code: 'PLUGIN_UNAVAILABLE', plugin: 'broken', http_status_code: 503 },
      records: [
        { plugin: 'broken', status: 'error' },
        { plugin: 'sibling', status: 'skipped' },
      ],
    });
    const lenient = testDispatcher([
      entry(broken, HOOK, { mode: 'concurrent', onError: 'ignore' }),
      plugin('sibling', 'concurrent', () => undefined),
    ]);
    expect(await lenient.dispatcher.invoke(HOOK, CALL)).toMatchObject({
      allowed: true,
      records: [
        { plugin: 'broken', status: 'error', effective: 'allow' },
        { plugin: 'sibling', status: 'completed' },
      ],
    });
  });

  test('shared writes are merged in priority order, whoever ends last', async () => {
    const early = held();
    const late = held();
    const seen: unknown[] = [];
    const { dispatcher } = testDispatcher([
      plugin('low', 'concurrent', early.handler, 1),
      plugin('high', 'concurrent', late.handler, 2),
      plugin('reader', 'fire_and_forget', ({ request }) => void seen.push(request.shared)),
    ]);
    const pending = dispatcher.invoke(HOOK, CALL);
    await Promise.all([early.started, late.started]);
    late.release({ shared: { key: 'high', own: 2 } });
    early.release({ shared: { key: 'low' } });
    await pending;
    await dispatcher.drain(1_000);
    expect(seen).toEqual([{ key: '"high"', own: '2' }]);
  });

  test('a cancelled sibling that answers later changes nothing', async () => {
    const answer = Promise.withResolvers<ReturnType<typeof allowResponse>>();
    const states: unknown[] = [];
    const deaf: PluginPort = {
      ...functionPort('deaf', () => undefined),
      invoke(request) {
        if (request.hook === HOOK) return answer.promise;
        states.push(request.state);
        return Promise.resolve(allowResponse());
      },
    };
    const { dispatcher, records } = testDispatcher([
      {
        port: deaf,
        registrations: [registration(HOOK, { mode: 'concurrent' }), registration('tool_post_invoke')],
      },
      plugin('guard', 'concurrent', () => deny('NO')),
    ]);
    const refused = await dispatcher.invoke(HOOK, CALL, { requestId: 'r' });
    answer.resolve({ ...allowResponse(), state: { late: '1' }, metadata: { late: '1' } });
    await answer.promise;
    await dispatcher.invoke('tool_post_invoke', { name: 'echo', result: 1 }, { requestId: 'r' });
    expect(states).toEqual([{}]);
    expect(refused.metadata).toEqual({});
    expect(records.map(({ plugin: name, status }) => [name, status])).toEqual([
      ['deaf', 'skipped'],
      ['guard', 'completed'],
      ['deaf', 'completed'],
    ]);
  });
});
