import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { administer, findPostgres } from '../../host/store/postgres-server.test-support.js';
import { sharedPostgres } from '../../host/store/shared-postgres.test-support.js';
import { cleanUp, isAlive } from '../cli/daemon.test-support.js';
import { connectClient, type TestClient } from '../gateway/clients.test-support.js';
import { LEDGER, patiently, startLedgerHost, type LedgerHost } from '../services/ledger-host.test-support.js';
import { loadLedgers, type LedgerLoad } from '../services/ledger-load.test-support.js';
import { KEY, KEY_HASH } from '../tools/app-key.test-support.js';

const LONG_MS = 180_000;
const ENTRY = 'ledger';
const TOPICS = ['north', 'east', 'south', 'west'].map((name) => `test.ledger.${name}`);
const EVENTS_OF_TOPIC = 60;
const EVENTS = TOPICS.length * EVENTS_OF_TOPIC;
const SCHEDULES = Array.from({ length: 12 }, (_, n) => `minute-${n}`);
/** Every one of them is due at once, and no host has seen that yet. */
const MAKE_DUE = "update schedules set considered_at = considered_at - 3600000 where name like 'minute-%'";

const config = (host: string) => `store: { url: '\${env:BULKHEAD_TEST_SHARED_STORE}' }
tools: { expose: [{ tool: ${ENTRY}/once, policy: require_approval }] }
apps: { shop: { keys: ['${KEY_HASH}'] } }
plugins:
  ${ENTRY}:
    plugin: ${JSON.stringify(LEDGER)}
    config: { host: ${host} }
`;

const connect = (host: LedgerHost): Promise<TestClient> =>
  connectClient('second line, stateless', `${host.daemon.data}/mcp`, {
    headers: { authorization: `Bearer ${KEY}` },
  });
const callOnce = (client: TestClient, name: string): Promise<Record<string, unknown>> =>
  client.request('tools/call', { name: `${ENTRY}__once`, arguments: { name } });

/** The id of the one call that waits, as a host sees it. */
async function waiting(host: LedgerHost): Promise<string> {
  let ids: readonly string[] = [];
  await patiently('one call waits', async () => {
    const { body } = await host.api('GET', '/approvals?state=pending');
    ids = (body['approvals'] as readonly { readonly id: string }[]).map(({ id }) => id);
    return ids.length === 1;
  });
  return ids[0] ?? '';
}

async function decide(host: LedgerHost, id: string, decision: 'approve' | 'deny'): Promise<void> {
  expect(await host.api('POST', `/approvals/${id}`, { decision })).toMatchObject({ status: 200 });
}

const DENIED = { data: { code: 'APPROVAL_DENIED' } };
const hasPostgres = (await findPostgres()) !== undefined;

/** One pair of hosts for all of it: each test looks at another part of what they share, before and after one of them dies. */
describe.skipIf(!hasPostgres && process.env['CI'] === undefined)(
  'two hosts with one plugin on one PostgreSQL',
  () => {
    const database = `pair_${randomUUID().replaceAll('-', '')}`;
    let server = '';
    let url = '';
    let hosts: readonly LedgerHost[] = [];
    /** The one that delivers events, and dies; and the one that goes on. */
    let victim: LedgerHost;
    let survivor: LedgerHost;
    let load: LedgerLoad;
    /** Increments before the load. */
    let before = 0;

    beforeAll(async () => {
      server = (await sharedPostgres(inject('postgresRun'))) ?? '';
      await administer(server, `create database ${database}`);
      url = server.replace(/[^/]*$/, database);
      process.env['BULKHEAD_TEST_SHARED_STORE'] = url;
      hosts = await Promise.all(['one', 'two'].map((name) => startLedgerHost(config(name))));
    }, LONG_MS);

    afterAll(async () => {
      delete process.env['BULKHEAD_TEST_SHARED_STORE'];
      for (const { folder } of hosts) await cleanUp(folder);
      await administer(server, `drop database if exists ${database} with (force)`);
    }, LONG_MS);

    it(
      'take what was granted on one of them',
      async () => {
        const [one, two] = hosts;
        if (one === undefined || two === undefined) throw new Error('two hosts were started');
        const list = async (host: LedgerHost): Promise<string> =>
          host.rpc(ENTRY, 'schedules').then(String, String);
        const everywhere = (what: string, holds: (answer: string) => boolean): Promise<void> =>
          patiently(what, async () => (await Promise.all(hosts.map(list))).every(holds));
        await everywhere('both may', (answer) => answer.includes('hold-and-retry'));
        await one.grants(ENTRY, '--revoke', 'schedules.manage');
        await everywhere('neither may any more', (answer) => answer.includes("scope 'schedules.manage'"));
        await two.grants(ENTRY, '--grant', 'schedules.manage');
        await everywhere('both may again', (answer) => answer.includes('hold-and-retry'));

        await two.rpc(ENTRY, 'publish', { topic: 'test.ledger.first', data: 0 });
        await patiently('one of them hears it', async () => 'hears' in (await one.notes(ENTRY, 'hears')));
        const hears = (await two.notes(ENTRY, 'hears'))['hears'];
        expect(['one', 'two']).toContain(hears);
        [victim, survivor] = hears === 'one' ? [one, two] : [two, one];
      },
      LONG_MS,
    );

    it(
      'release on one the call whose approval was given on the other, and run it once',
      async () => {
        await using client = await connect(survivor);
        const call = callOnce(client, 'across');
        await decide(victim, await waiting(victim), 'approve');
        expect(await call).toMatchObject({ structuredContent: { times: 1 } });

        // The same call again is another one.
        const refused = expect(callOnce(client, 'across')).rejects.toMatchObject(DENIED);
        await decide(victim, await waiting(victim), 'deny');
        await refused;
        expect(await victim.notes(ENTRY, 'tool/')).toEqual({ 'tool/across': 1 });
      },
      LONG_MS,
    );

    it(
      'go on with one of them when the other is killed at work',
      async () => {
        for (const name of SCHEDULES)
          await survivor.rpc(ENTRY, 'schedule', { name, cron: '* * * * *', missed: 'once' });
        for (const name of ['hold', 'hold-and-retry'])
          expect(await victim.api('POST', `/schedules/${ENTRY}/${name}/run`)).toMatchObject({ status: 202 });
        await patiently(
          'both runs began',
          async () => Object.keys(await victim.notes(ENTRY, 'ran/hold')).length === 2,
        );
        await using client = await connect(victim);
        const cut = callOnce(client, 'cut').then(
          () => 'answered',
          () => 'cut',
        );
        const approval = await waiting(survivor);

        const pid = await victim.pid(ENTRY);
        before = Number(await victim.rpc(ENTRY, 'increment'));
        load = loadLedgers(
          { victim, survivor },
          {
            entry: ENTRY,
            incrementing: 4,
            topics: TOPICS,
            eventsOfTopic: EVENTS_OF_TOPIC,
          },
        );
        await load.eventsUpTo(EVENTS / 4);
        await administer(url, MAKE_DUE);
        for (const host of hosts) await host.api('PATCH', `/schedules/${ENTRY}/note`, { paused: true });
        await load.eventsUpTo(EVENTS / 3);
        victim.daemon.signal('SIGKILL');
        await victim.daemon.exited;
        await patiently('its plugin is gone too', () => !isAlive(pid));
        await load.moreSums(100);
        await load.end();

        expect(await cut).toBe('cut');
        await decide(survivor, approval, 'approve');
        expect((await fetch(`${survivor.daemon.control}/readyz`)).status).toBe(200);
      },
      LONG_MS,
    );

    it('have counted each increment that was answered, once', async () => {
      const counter = Number((await survivor.notes(ENTRY, 'counter'))['counter']);
      expect(new Set(load.sums).size).toBe(load.sums.length);
      expect(counter).toBeGreaterThanOrEqual(before + load.sums.length);
      expect(counter).toBeLessThanOrEqual(before + load.sums.length + load.unanswered());
    });

    it(
      'have delivered each event that was answered, in order and without a gap',
      async () => {
        const wanted = [...load.published.values()].flatMap((ids) => [...ids.values()]);
        // At most what was under way on the host that died has no answer.
        expect(wanted.length).toBeGreaterThanOrEqual(EVENTS - TOPICS.length);
        await patiently('all have been acknowledged', async () => {
          const { body } = await survivor.api('GET', '/events/subscriptions');
          expect(body).toMatchObject({ subscriptions: [{ plugin: ENTRY, dropped: 0 }] });
          return JSON.stringify(body).includes('"backlog":0');
        });
        const heard = await survivor.notes(ENTRY, 'heard/');
        expect(wanted.filter((id) => !(`heard/${id}` in heard))).toEqual([]);
        const topics = await survivor.notes(ENTRY, 'topic/');
        for (const [topic, ids] of load.published) {
          const told = topics[`topic/${topic}`] as readonly number[];
          expect(told).toEqual(told.toSorted((a, b) => a - b));
          expect(told).toEqual(expect.arrayContaining([...ids.keys()]));
        }
        expect(await survivor.notes(ENTRY, 'hears')).toEqual({
          hears: survivor === hosts[0] ? 'one' : 'two',
        });
      },
      LONG_MS,
    );

    it(
      'have run each fire of a schedule once; what was cut says so and is repeated only with retry',
      async () => {
        await patiently('what must be repeated was', async () => {
          const [last] = await survivor.runs(ENTRY, 'hold-and-retry');
          return last?.state === 'succeeded';
        });
        const states = async (name: string) => (await survivor.runs(ENTRY, name)).map(({ state }) => state);
        await patiently('the others have ended', async () => {
          const all = await Promise.all(['hold', ...SCHEDULES].map(states));
          return all.every((ofOne) => ofOne.length > 0 && !ofOne.includes('running'));
        });
        expect(await states('hold')).toEqual(['interrupted']);
        expect(await states('hold-and-retry')).toEqual(['succeeded', 'interrupted']);

        const ran = await survivor.notes(ENTRY, 'ran/minute-');
        for (const name of SCHEDULES) {
          const runs = await survivor.runs(ENTRY, name);
          expect(new Set(runs.map(({ fire }) => fire)).size).toBe(runs.length);
          for (const { fire, state } of runs) {
            const times = ran[`ran/${name}/${Date.parse(fire)}`] ?? 0;
            if (state === 'succeeded') expect(times).toBe(1);
            else if (state === 'interrupted') expect(times).toBeLessThanOrEqual(1);
            else expect([state, times]).toEqual(['skipped', 0]);
          }
        }
      },
      LONG_MS,
    );

    it(
      'run the call of an approval whose host died when it is made again, once',
      async () => {
        await using client = await connect(survivor);
        expect(await callOnce(client, 'cut')).toMatchObject({ structuredContent: { times: 1 } });
        const refused = expect(callOnce(client, 'cut')).rejects.toMatchObject(DENIED);
        await decide(survivor, await waiting(survivor), 'deny');
        await refused;
        expect(await survivor.notes(ENTRY, 'tool/cut')).toEqual({ 'tool/cut': 1 });
      },
      LONG_MS,
    );
  },
);
