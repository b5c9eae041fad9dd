import { expect, onTestFinished, test, vi } from 'vitest';
import { FakeClock } from '../../host/clock.test-support.js';
import { createStoredApps } from '../../host/gateway/stored-apps.js';
import { ADA, openObjects, type TestObjects } from '../../host/objects/objects.test-support.js';
import { describeEachStore } from '../../host/store/each-store.test-support.js';
import type { Store } from '../../host/store/store.js';
import { NO_AUDIT } from '../../host/telemetry/audit.js';
import { connectClient } from './clients.test-support.js';
import { functionHooks, rawUpstream, runGateway, type RunningGateway } from './gateway.test-support.js';

const KEY = 'a key of some length';
const AUTH = { authorization: `Bearer ${KEY}` };

describeEachStore('an app of the store', (the) => {
  interface Opened extends TestObjects {
    readonly running: RunningGateway;
    readonly clock: FakeClock;
    ask(
      headers?: Readonly<Record<string, string>>,
    ): Promise<{ status: number; code: unknown; headers: Headers }>;
  }

  /** A gateway, and objects of another host on the same store; SQLite has one host. */
  async function open(): Promise<Opened> {
    const here: Store = await the.open();
    const there = await openObjects([], { store: the.engine === 'sqlite' ? here : await the.open() });
    const clock = new FakeClock();
    const own = await openObjects([], { store: here });
    const storedApps = createStoredApps({ store: here, objects: own.objects, clock });
    const running = await runGateway({
      upstreams: [rawUpstream()],
      hooks: functionHooks({}, ['tool_pre_invoke']),
      environment: 'production',
      storedApps,
      clock,
      audit: { ...NO_AUDIT, note: (entry) => there.audited.push(entry) },
    });
    onTestFinished(async () => {
      storedApps.close();
      await running[Symbol.asyncDispose]();
    });
    return {
      ...there,
      running,
      clock,
      async ask(headers = AUTH) {
        const response = await fetch(`${running.url}/hooks/tool_pre_invoke`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...headers },
          body: JSON.stringify({ payload: { name: 'x', args: {} } }),
        });
        const body = (await response.json()) as { error?: { code?: unknown } };
        return { status: response.status, code: body.error?.code, headers: response.headers };
      },
    };
  }

  test('is let in by its key, and acts at once wherever it is changed', async () => {
    const { objects, audited, ask } = await open();
    expect(await ask()).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
    const { id } = await objects.app.create(ADA, { name: 'a', keys: [KEY] });
    expect(await ask()).toMatchObject({ status: 200 });
    expect(await ask({ 'x-api-key': KEY })).toMatchObject({ status: 200 });
    await objects.app.change(ADA, id, (app) => ({ ...app, active: false }));
    await vi.waitFor(async () => {
      expect(await ask()).toMatchObject({ status: 403, code: 'FORBIDDEN' });
    });
    expect(audited).toContainEqual(
      expect.objectContaining({
        actor: { kind: 'app', id },
        action: 'gateway.refused',
        outcome: 'denied',
        code: 'FORBIDDEN',
      }),
    );
    await objects.app.delete(ADA, id);
    await vi.waitFor(async () => {
      expect(await ask()).toMatchObject({ status: 401 });
    });
  });

  test('is refused while the user whose it is is not active', async () => {
    const { objects, ask } = await open();
    const user = await objects.user.create(ADA, { email: 'ada@example.com' });
    await objects.app.create(ADA, { name: 'a', keys: [KEY], user_id: user.id });
    expect(await ask()).toMatchObject({ status: 200 });
    await objects.user.change(ADA, user.id, (shown) => ({ ...shown, active: false }));
    await vi.waitFor(async () => {
      expect(await ask()).toMatchObject({ status: 403, code: 'FORBIDDEN' });
    });
  });

  test('comes as often as its rate allows, and is told when to come again', async () => {
    const { objects, audited, ask, clock } = await open();
    await objects.app.create(ADA, { name: 'a', keys: [KEY], rate_limit: { requests: 2, per: 'minute' } });
    expect((await ask()).status).toBe(200);
    expect((await ask()).status).toBe(200);
    const refused = await ask();
    expect(refused).toMatchObject({ status: 429, code: 'RATE_LIMITED' });
    expect(refused.headers.get('retry-after')).toBe('30');
    await ask();
    expect(audited.filter(({ code }) => code === 'RATE_LIMITED')).toHaveLength(1);
    clock.advance(30_000);
    expect((await ask()).status).toBe(200);
  });

  test('counts each message of a batch', async () => {
    const { objects, running } = await open();
    await objects.app.create(ADA, { name: 'a', keys: [KEY], rate_limit: { requests: 3, per: 'minute' } });
    const batch = async (size: number): Promise<number> => {
      const message = { jsonrpc: '2.0', method: 'notifications/initialized' };
      const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
      const body = JSON.stringify(Array.from({ length: size }, () => message));
      const answer = await fetch(`${running.url}/mcp`, { method: 'POST', headers, body });
      await answer.text();
      return answer.status;
    };
    expect(await batch(4)).toBe(429);
    expect(await batch(2)).not.toBe(429);
    expect(await batch(2)).toBe(429);
  });

  test('sees and calls the tools that it is allowed, and no others', async () => {
    const { objects, running } = await open();
    const tool = await objects.tool.create(ADA, {
      name: 'see',
      kind: 'mcp',
      server: 'raw',
      operations: [{ name: 'look', target: 'see' }],
    });
    const { id } = await objects.app.create(ADA, { name: 'a', keys: [KEY] });
    const tools = async (): Promise<readonly unknown[]> => {
      await using client = await connectClient('second line, sessions', `${running.url}/mcp`, {
        headers: AUTH,
      });
      const { tools: listed } = await client.request('tools/list', {});
      return Array.isArray(listed) ? listed.map((one: { name: unknown }) => one.name) : [];
    };
    const call = async (): Promise<unknown> => {
      await using client = await connectClient('second line, sessions', `${running.url}/mcp`, {
        headers: AUTH,
      });
      return await client.request('tools/call', { name: 'raw__see' });
    };
    const allow = (...names: readonly string[]) =>
      objects.app.change(ADA, id, (app) => ({ ...app, allowed: { ...app.allowed, tools: names } }));
    expect(await tools()).toEqual([]);
    await expect(call()).rejects.toMatchObject({ code: -32_050, data: { code: 'FORBIDDEN' } });
    for (const allowed of [tool.id, 'raw/see']) {
      await allow(allowed);
      await vi.waitFor(async () => {
        expect(await tools()).toEqual(['raw__see']);
      });
      await call();
    }
    await allow('raw/*');
    await vi.waitFor(async () => {
      expect((await tools()).length).toBeGreaterThan(1);
    });
    await allow('other/*');
    await vi.waitFor(async () => {
      expect(await tools()).toEqual([]);
    });
  });
});
