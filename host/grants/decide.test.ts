import { permissionNames, permissionsOf } from '@bulkhead/proto/rules/schema';
import { describe, expect, it } from 'vitest';
import { decideGrants, type GrantOutcome, type GrantRequest, type Terminal } from './decide.js';
import type { Grant } from './grant.js';

const READ = 'services:kv.read';
const USER = 'context:read_user';
const NET = 'network:db.example:5432';

const manifest = (version: string, ...asked: string[]): GrantRequest['manifest'] => ({
  id: 'com.example.guard',
  name: 'guard',
  version,
  permissions: permissionsOf(asked),
});
const before = (asked: readonly string[], granted: readonly string[]): Grant => ({
  asked: permissionsOf(asked),
  granted: permissionsOf(granted),
  pluginVersion: '1.0.0',
  by: 'ada',
  at: '2026-01-02T03:04:05.000Z',
});

/** Answers in order; what was said and asked is kept. */
function person(...answers: string[]): Terminal & { readonly seen: string[] } {
  const seen: string[] = [];
  return {
    seen,
    say: (text) => void seen.push(text),
    async ask(question) {
      seen.push(question);
      return Promise.resolve(answers.shift() ?? '');
    },
  };
}

const decide = (request: Partial<GrantRequest> & Pick<GrantRequest, 'manifest'>): Promise<GrantOutcome> =>
  decideGrants({ previous: undefined, flags: [], terminal: undefined, by: 'bob', ...request });
const namesOf = (outcome: GrantOutcome): readonly string[] | string =>
  outcome.kind === 'refused' ? outcome.error.message : permissionNames(outcome.decision.granted);

describe('decideGrants', () => {
  it('asks nobody when nothing is asked for', async () => {
    const outcome = await decide({ manifest: manifest('1.0.0') });
    expect(outcome).toMatchObject({
      kind: 'granted',
      changed: true,
      decision: { by: 'bob', pluginVersion: '1.0.0' },
    });
  });

  it('refuses without a terminal and without flags, and says what to pass', async () => {
    const outcome = await decide({ manifest: manifest('1.0.0', READ, NET) });
    expect(outcome).toMatchObject({ kind: 'refused', error: { code: 'GRANT_MISSING' } });
    expect(namesOf(outcome)).toMatch(
      /--grant services:kv\.read +It may read the plugin's own key-value namespace\./,
    );
    expect(namesOf(outcome)).toContain('--grant network:db.example:5432');
    expect(namesOf(outcome)).toContain('--grant all');
  });

  it.each([
    [['all'], [READ, USER, NET]],
    [['none'], []],
    [[READ], [READ]],
    [
      ['kv.read', 'read_user'],
      [READ, USER],
    ],
    [['db.example:5432'], [NET]],
  ])('takes the flags %j as the whole answer', async (flags, granted) => {
    const terminal = person();
    const outcome = await decide({ manifest: manifest('1.0.0', READ, USER, NET), flags, terminal });
    expect(namesOf(outcome)).toEqual(granted);
    expect(terminal.seen).toEqual([]);
  });

  it('asks for each object hook, again for one that is new, and takes a star over some', async () => {
    const hooks = [
      'object_hooks:llm.before_create',
      'object_hooks:llm.after_delete',
      'object_hooks:tool.before_update',
    ];
    const asked = manifest('1.0.0', ...hooks);
    const shown = person();
    await decide({ manifest: asked, terminal: shown });
    expect(shown.seen[0]).toContain('It sees each LLM before it is created, and may change or refuse it.');
    expect(shown.seen[0]).toContain('It sees each LLM after it was deleted.');
    expect(shown.seen[0]).toContain('It sees each tool before it is updated, and may change or refuse that.');
    expect(namesOf(await decide({ manifest: asked, flags: ['object_hooks:llm.*'] }))).toEqual(
      hooks.slice(0, 2),
    );
    expect(namesOf(await decide({ manifest: asked, flags: ['tool.before_update'] }))).toEqual(hooks.slice(2));
    expect(namesOf(await decide({ manifest: asked, flags: ['object_hooks:app.*'] }))).toContain('names none');
    const previous = before(hooks.slice(0, 2), hooks.slice(0, 1));
    expect(await decide({ manifest: asked, previous })).toMatchObject({
      kind: 'refused',
      error: { message: expect.stringContaining('--grant object_hooks:tool.before_update') },
    });
    expect(namesOf(await decide({ manifest: asked, previous, terminal: person('a') }))).toEqual([
      hooks[0],
      hooks[2],
    ]);
  });

  it('refuses a flag that names nothing that is asked for', async () => {
    const outcome = await decide({ manifest: manifest('1.0.0', READ), flags: ['kv.raed'] });
    expect(outcome).toMatchObject({ kind: 'refused', error: { code: 'GRANT_INVALID' } });
    expect(namesOf(outcome)).toContain('There are: services:kv.read, all, none.');
    const two = manifest('1.0.0', 'secrets:a', 'plugins:a');
    expect(namesOf(await decide({ manifest: two, flags: ['a'] }))).toContain('fits more than one');
  });

  it('shows a person each permission as a sentence, and takes no silence for a yes', async () => {
    const asked = manifest('1.0.0', READ, USER, NET, 'filesystem:rw:/srv', 'subprocess', 'secrets:TOKEN');
    const silent = person();
    expect(await decide({ manifest: asked, terminal: silent })).toMatchObject({ kind: 'refused' });
    const shown = silent.seen[0] ?? '';
    expect(shown).toContain("It may read the plugin's own key-value namespace.");
    expect(shown).toContain("It sees of each request: the user's id and e-mail address.");
    expect(shown).toContain('It may talk to db.example:5432 over the network.');
    expect(shown).toContain('It may read and write files under /srv.');
    expect(shown).toContain('It may start other programs.');
    expect(shown).toContain('It may read the secret TOKEN.');
    expect(namesOf(await decide({ manifest: asked, terminal: person('r') }))).toContain('nothing changed');
    expect(namesOf(await decide({ manifest: manifest('1.0.0', READ), terminal: person('A') }))).toEqual([
      READ,
    ]);
  });

  it('lets a person choose one by one', async () => {
    const asked = manifest('1.0.0', READ, USER, NET);
    expect(
      namesOf(await decide({ manifest: asked, terminal: person('choose', 'y', 'no', 'maybe', 'yes') })),
    ).toEqual([READ, NET]);
    expect(await decide({ manifest: asked, terminal: person('c', 'y') })).toMatchObject({ kind: 'refused' });
  });

  it('shows what is new first, and asks for that only', async () => {
    const previous = before([READ, USER, 'subprocess'], [READ, 'subprocess']);
    const terminal = person('a');
    const outcome = await decide({ manifest: manifest('1.1.0', READ, USER, NET), previous, terminal });
    expect(namesOf(outcome)).toEqual([READ, NET]);
    const shown = terminal.seen[0] ?? '';
    const order = [
      'New:',
      NET,
      'No longer asked for:',
      'subprocess',
      'it stays:',
      READ,
      'not granted:',
      USER,
    ];
    expect(order.map((text) => shown.indexOf(text))).toEqual(
      order.map((text) => shown.indexOf(text)).toSorted((a, b) => a - b),
    );
    expect(order.every((text) => shown.includes(text))).toBe(true);
    expect(shown).toContain('1.0.0, decided by ada on 2026-01-02');
  });

  it('needs nobody for an update that asks for as much or less, and forgets what is no longer asked', async () => {
    const previous = before([READ, USER], [READ]);
    expect(await decide({ manifest: manifest('1.0.1', READ, USER), previous })).toMatchObject({
      kind: 'granted',
      changed: false,
    });
    const less = await decide({ manifest: manifest('1.1.0', USER), previous });
    expect(less).toMatchObject({ kind: 'granted', changed: true });
    expect(namesOf(less)).toEqual([]);
  });

  it('puts back what was decided for this very version, and for no other one', async () => {
    const history = [before([READ, USER], [READ, USER]), before([READ, USER], [READ])];
    const previous = { ...before([USER], [USER]), pluginVersion: '1.1.0' };
    const back = await decide({ manifest: manifest('1.0.0', READ, USER), previous, history });
    expect(back).toMatchObject({ kind: 'granted', changed: true });
    expect(namesOf(back)).toEqual([READ]);
    for (const other of [manifest('1.2.0', READ, USER), manifest('1.0.0', READ, USER, NET)]) {
      expect(await decide({ manifest: other, previous, history })).toMatchObject({ kind: 'refused' });
    }
  });

  it('adds flags to what was granted', async () => {
    const previous = before([READ, USER], [READ]);
    expect(
      namesOf(await decide({ manifest: manifest('1.1.0', READ, USER, NET), previous, flags: [NET] })),
    ).toEqual([READ, NET]);
    expect(
      namesOf(await decide({ manifest: manifest('1.1.0', READ, NET), previous, flags: ['none'] })),
    ).toEqual([READ]);
  });
});
