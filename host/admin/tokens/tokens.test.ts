import { beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../clock.test-support.js';
import { describeEachStore } from '../../store/each-store.test-support.js';
import type { Store } from '../../store/store.js';
import { NO_AUDIT, type Actor, type AuditEntry } from '../../telemetry/audit.js';
import { createSessions, type Sessions } from './sessions.js';
import { createTokens, type Tokens } from './tokens.js';

const ANN: Actor = { kind: 'cli', id: 'ann' };
const DAY_MS = 86_400_000;

let store: Store;
let clock: FakeClock;
let written: AuditEntry[];
let tokens: Tokens;
let sessions: Sessions;

const create = (name = 'ci', lifetimeMs: number | null = DAY_MS) =>
  tokens.create({ name, role: 'operator', lifetimeMs }, ANN);

describeEachStore('tokens of the control plane', (the) => {
  beforeEach(async () => {
    store = await the.open();
    clock = new FakeClock();
    written = [];
    const audit = {
      ...NO_AUDIT,
      write: (_trx: unknown, entry: AuditEntry) => {
        written.push(entry);
        return Promise.resolve();
      },
    };
    tokens = createTokens({ store, clock, audit });
    sessions = createSessions(store, tokens, clock);
  });

  test('a token is found by itself, and kept as a hash', async () => {
    const { token, id } = await create();
    expect(await tokens.find(token)).toMatchObject({ id, role: 'operator', state: 'active' });
    const kept = JSON.stringify(await store.db.selectFrom('api_tokens').selectAll().execute());
    expect(kept).not.toContain(token.split('_')[2]);
    expect(written).toMatchObject([{ actor: ANN, action: 'token.create', target: `token/${id}` }]);
    expect(JSON.stringify(written)).not.toContain(token.split('_')[2]);
  });

  test.each([
    ['another secret', (token: string) => token.slice(0, -1) + (token.endsWith('A') ? 'B' : 'A')],
    [
      'another id',
      (token: string) => token.replace(/^bh_./, (begin) => (begin === 'bh_0' ? 'bh_1' : 'bh_0')),
    ],
    ['less', (token: string) => token.slice(0, -1)],
    ['more', (token: string) => `${token}A`],
    ['nothing', () => ''],
    ['a pattern', () => 'bh_%_%'],
  ])('%s is not found', async (_what, change) => {
    const { token } = await create();
    expect(await tokens.find(change(token))).toBeUndefined();
  });

  test('ends at its time, unless it never does', async () => {
    const { token } = await create();
    const { token: endless } = await create('endless', null);
    clock.advance(DAY_MS);
    expect(await tokens.find(token)).toBeUndefined();
    expect(await tokens.find(endless)).toBeDefined();
    const states = (await tokens.list()).map(({ name, state }) => [name, state]);
    expect(Object.fromEntries(states)).toEqual({ ci: 'expired', endless: 'active' });
  });

  test('is over at once when it is revoked, with its sessions; twice changes nothing', async () => {
    const { token, id } = await create();
    const open = await tokens.byId(id);
    if (open === undefined) throw new Error('expected the token');
    const { secret } = await sessions.open(open);
    expect(await sessions.find(secret)).toBeDefined();
    expect(await tokens.revoke(id, ANN)).toMatchObject({ state: 'revoked' });
    expect(await tokens.find(token)).toBeUndefined();
    expect(await sessions.find(secret)).toBeUndefined();
    expect(await tokens.revoke(id, ANN)).toMatchObject({ state: 'revoked' });
    expect(written.map(({ action }) => action)).toEqual(['token.create', 'token.revoke']);
    await expect(tokens.revoke('nobody', ANN)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('a name is used once', async () => {
    await create();
    await expect(create()).rejects.toMatchObject({ code: 'ALREADY_EXISTS', field: 'name' });
    expect(written).toHaveLength(1);
  });

  test('the first one is made once, whoever asks at the same time, and never again', async () => {
    const made = await Promise.all([tokens.createFirst(), tokens.createFirst()]);
    expect(made.filter((token) => token !== undefined)).toHaveLength(1);
    expect(await tokens.createFirst()).toBeUndefined();
    const [first] = await tokens.list();
    await tokens.revoke(first?.id ?? '', ANN);
    expect(await tokens.createFirst()).toBeUndefined();
  });

  test('a session ends with its time, or its token’s', async () => {
    const { id } = await create('short', 60_000);
    const token = await tokens.byId(id);
    if (token === undefined) throw new Error('expected the token');
    const { secret, lifetimeMs } = await sessions.open(token);
    expect(lifetimeMs).toBe(60_000);
    clock.advance(60_000);
    expect(await sessions.find(secret)).toBeUndefined();
  });
});
