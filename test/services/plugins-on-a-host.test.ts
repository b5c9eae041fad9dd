import { afterEach, expect, it } from 'vitest';
import { cleanUp } from '../cli/daemon.test-support.js';
import { LEDGER, patiently, startLedgerHost, type LedgerHost } from './ledger-host.test-support.js';

const SCOPES = '[kv.readwrite, events.publish, events.subscribe, schedules.manage]';
const CONFIG = `plugins:
  speaker:
    plugin: ${JSON.stringify(LEDGER)}
    config: { listens: false }
    grants: { scopes: ${SCOPES} }
  hearer:
    plugin: ${JSON.stringify(LEDGER)}
    config: { hangs: true }
    grants: { scopes: ${SCOPES} }
`;
const LONG_MS = 120_000;

let host: LedgerHost | undefined;
afterEach(async () => {
  if (host !== undefined) await cleanUp(host.folder);
  host = undefined;
});

async function start(): Promise<LedgerHost> {
  host = await startLedgerHost(CONFIG);
  await host.ready();
  return host;
}

it(
  'events of one plugin reach another in order, and again when it was killed before it answered',
  async () => {
    const { rpc, notes, pid, api } = await start();
    const topic = 'test.ledger.orders';
    const publish = async (data: number): Promise<string> =>
      String(await rpc('speaker', 'publish', { topic, data }));
    const first = await publish(0);
    await patiently('it was told', async () => `heard/${first}` in (await notes('hearer', 'heard/')));
    const ids = [first];
    for (let n = 1; n <= 20; n += 1) ids.push(await publish(n));

    // It has not answered, and never will: so nothing of it may be taken as delivered.
    expect(await notes('hearer', 'topic/')).toEqual({});
    const before = await pid('hearer');
    process.kill(before, 'SIGKILL');
    await patiently('all were taken', async () => {
      // Nobody answers while it is started again.
      const taken = await notes('hearer', 'topic/').catch(() => undefined);
      const all = taken?.[`topic/${topic}`];
      return Array.isArray(all) && all.length === ids.length;
    });
    expect(await pid('hearer')).not.toBe(before);
    expect(await notes('hearer', 'topic/')).toEqual({ [`topic/${topic}`]: ids.map((_, n) => n) });
    expect(await notes('hearer', 'heard/')).toEqual(
      Object.fromEntries(ids.map((id) => [`heard/${id}`, id === first ? 2 : 1])),
    );
    await patiently('all were acknowledged', async () => {
      const { body } = await api('GET', '/events/subscriptions');
      expect(body).toMatchObject({ subscriptions: [{ plugin: 'hearer', dropped: 0 }] });
      return JSON.stringify(body).includes('"backlog":0');
    });
    // Two entries of one plugin do not see each other's keys.
    expect(await notes('speaker', 'heard/')).toEqual({});
  },
  LONG_MS,
);

it(
  'a schedule runs when an operator says so, once, and its history says what became of each run',
  async () => {
    const { api, notes, runs, pid } = await start();
    const run = (name: string) => api('POST', `/schedules/speaker/${name}/run`);
    const asked = await run('note');
    expect(asked).toMatchObject({ status: 202, body: { run_id: expect.any(String) } });
    await patiently('it ended', async () => (await runs('speaker', 'note'))[0]?.state === 'succeeded');
    const [noted] = await runs('speaker', 'note');
    expect(noted).toMatchObject({ id: asked.body['run_id'], by_hand: true });
    expect(await notes('speaker', 'ran/')).toEqual({
      [`ran/note/${Date.parse(noted?.fire ?? '')}`]: 1,
    });
    expect(await run('nothing')).toMatchObject({ status: 404 });

    expect(await run('hold')).toMatchObject({ status: 202 });
    expect(await run('hold')).toMatchObject({ status: 409, body: { error: { code: 'CONFLICT' } } });
    expect(await run('hold-and-retry')).toMatchObject({ status: 202 });
    await patiently('both began', async () => Object.keys(await notes('speaker', 'ran/hold')).length === 2);
    process.kill(await pid('speaker'), 'SIGKILL');
    await patiently('one of them was repeated', async () => {
      const [last] = await runs('speaker', 'hold-and-retry');
      return last?.state === 'succeeded';
    });
    expect((await runs('speaker', 'hold')).map(({ state }) => state)).toEqual(['interrupted']);
    expect((await runs('speaker', 'hold-and-retry')).map(({ state }) => state)).toEqual([
      'succeeded',
      'interrupted',
    ]);
    expect(Object.values(await notes('speaker', 'ran/hold/'))).toEqual([1]);
    expect(Object.values(await notes('speaker', 'ran/hold-and-retry/'))).toEqual([2]);
  },
  LONG_MS,
);
