import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createHost } from '../../host/create-host.js';
import type { Host } from '../../host/host.js';
import { createTestCli, type TestCli } from '../author/cli.test-support.js';

const LONG_MS = 60_000;
const ID = 'local.watcher';
const ASKED = { context: ['read_user', 'read_headers'], services: ['kv.read'], network: ['db.example:5432'] };

interface Scene extends AsyncDisposable {
  readonly author: TestCli;
  grants(args: readonly string[], answers?: readonly string[]): ReturnType<TestCli['run']>;
  /** Changes what the plugin asks for. */
  ask(permissions: object): Promise<void>;
  config(environment: string, entry?: object): object;
  start(environment: string, entry?: object): Promise<Host>;
}

/** A plugin that tells what it sees of the user, with a configuration that names its directory. */
async function scene(environment: string): Promise<Scene> {
  const author = await createTestCli();
  await author.run(['new', 'watcher', '--js', '--yes']);
  const directory = join(author.folder, 'watcher');
  const source = join(directory, 'src', 'index.js');
  const text = await readFile(source, 'utf8');
  await writeFile(source, text.replace('config.note)', 'ctx.user?.id ?? null)'));
  const manifest = await readFile(join(directory, 'plugin.yaml'), 'utf8');
  const ask = (permissions: object): Promise<void> =>
    writeFile(
      join(directory, 'plugin.yaml'),
      manifest.replace('permissions: {}', `permissions: ${JSON.stringify(permissions)}`),
    );
  await ask(ASKED);
  const config = (named: string, entry: object = {}) => ({
    environment: named,
    host: { data_dir: join(author.folder, 'data'), sandbox: 'basic', plugin_uids: { use: 'never' } },
    log: { level: 'silent' },
    plugins: { watcher: { plugin: './watcher', ...entry } },
  });
  await writeFile(join(author.folder, 'bulkhead.yaml'), JSON.stringify(config(environment)));
  const hosts: Host[] = [];
  return {
    author,
    ask,
    config,
    grants: (args, answers) => author.run(['plugin', 'grants', ...args], answers),
    async start(named, entry) {
      const host = await createHost(config(named, entry), {
        baseDirectory: author.folder,
        env: { PATH: process.env['PATH'] },
      });
      hosts.push(host);
      await host.start();
      return host;
    },
    async [Symbol.asyncDispose]() {
      for (const host of hosts) await host.stop();
      await author[Symbol.asyncDispose]();
    },
  };
}

async function seen(host: Host): Promise<unknown> {
  const answer = await host.invoke('tool_pre_invoke', { name: 'echo' }, { user: { id: 'ada' } });
  return answer.metadata['watcher']?.['note'];
}

describe('grants, in a host with real processes', () => {
  it(
    'a plugin that nobody decided about does not start in production, and with it the host that it guards',
    async () => {
      await using the = await scene('production');
      await expect(the.start('production')).rejects.toMatchObject({
        code: 'GUARD_NOT_READY',
        message: expect.stringContaining('GRANT_MISSING'),
      });
      const check = await the.author.run(['config', 'check', '--json']);
      expect(JSON.parse(check.out)).toMatchObject({
        notices: expect.arrayContaining([
          expect.objectContaining({ code: 'GRANT_MISSING', plugin: 'watcher' }),
        ]),
      });
    },
    LONG_MS,
  );

  it(
    'a grant gives what it names and nothing else',
    async () => {
      await using the = await scene('production');
      expect(await the.grants([ID, '--grant', 'kv.read'])).toMatchObject({ code: 0 });
      const without = await the.start('production');
      expect(await seen(without)).toBeNull();
      await without.stop();
      expect(await the.grants(['watcher', '--grant', 'read_user'])).toMatchObject({ code: 0 });
      expect(await seen(await the.start('production'))).toBe('ada');
    },
    LONG_MS,
  );

  it(
    'a revoked permission is gone with the next apply, and the plugin runs on',
    async () => {
      await using the = await scene('production');
      await the.grants([ID, '--grant', 'all']);
      const host = await the.start('production');
      expect(await seen(host)).toBe('ada');
      const shown = await the.grants([ID, '--revoke', 'read_user', '--json']);
      expect(JSON.parse(shown.out)).toMatchObject({
        granted: ['services:kv.read', 'context:read_headers', 'network:db.example:5432'],
        undecided: [],
        changed: true,
      });
      const decided = await the.author.run(['audit', 'list', '--action', 'grant.decided', '--json']);
      expect(decided).toMatchObject({ code: 0 });
      expect(decided.out.match(/"grant\.decided"/g)).toHaveLength(2);
      await host.apply(the.config('production'));
      expect(await seen(host)).toBeNull();
    },
    LONG_MS,
  );

  it(
    'one that asks for more than was decided waits, and what runs serves on',
    async () => {
      await using the = await scene('production');
      await the.grants([ID, '--grant', 'all']);
      const host = await the.start('production');
      await the.ask({ ...ASKED, subprocess: true });
      const report = await host.apply(the.config('production'));
      expect(report.failed).toMatchObject([{ name: 'watcher', failure: { code: 'GRANT_MISSING' } }]);
      expect(await seen(host)).toBe('ada');
    },
    LONG_MS,
  );

  it(
    'in development a directory gets what it asks for, less what was refused or written',
    async () => {
      await using the = await scene('development');
      const host = await the.start('development');
      expect(await seen(host)).toBe('ada');
      await host.stop();
      const limited = await the.start('development', { grants: { context: [] } });
      expect(await seen(limited)).toBeNull();
      await limited.stop();
      await the.grants([ID, '--revoke', 'read_user']);
      expect(await seen(await the.start('development'))).toBeNull();
    },
    LONG_MS,
  );
});

describe('bulkhead plugin grants', () => {
  it(
    'shows each permission in words, and what every entry gets',
    async () => {
      await using the = await scene('production');
      const before = await the.grants([ID]);
      expect(before.out).toMatch(/context:read_user +undecided +It sees of each request: the user's id/);
      expect(before.out).toContain('watcher does not start: ');
      await the.grants([ID, '--grant', 'read_user', '--grant', 'db.example:5432']);
      const after = await the.grants(['watcher']);
      expect(after.out).toMatch(
        /network:db\.example:5432 +granted +It may talk to db\.example:5432 over the network\./,
      );
      expect(after.out).toMatch(/services:kv\.read +not granted/);
      expect(after.out).toContain('watcher gets: context:read_user, network:db.example:5432.');
      expect(after.out).toMatch(/Decided for 0\.1\.0 by .+ at \d{4}-/);
    },
    LONG_MS,
  );

  it(
    'asks the person at the terminal, and refuses when they do',
    async () => {
      await using the = await scene('production');
      const refused = await the.grants([ID], ['r']);
      expect(refused).toMatchObject({
        code: 1,
        err: expect.stringContaining('GRANT_MISSING: Nothing was granted'),
      });
      const chosen = await the.grants([ID], ['c', 'n', 'y', 'n', 'y']);
      expect(chosen.err).toContain('watcher 0.1.0 (local.watcher) asks for:');
      expect(chosen.out).toContain('watcher gets: context:read_user, network:db.example:5432.');
      expect((await the.grants([ID], ['r'])).code).toBe(0);
    },
    LONG_MS,
  );

  it(
    'tells what cannot be: a permission or a plugin that is not there, both flags, a file that is no grant',
    async () => {
      await using the = await scene('production');
      expect((await the.grants([ID, '--grant', 'kv.raed'])).err).toContain('GRANT_INVALID');
      expect((await the.grants([ID, '--revoke', 'subprocess'])).err).toContain('GRANT_INVALID');
      expect((await the.grants(['nobody'])).err).toContain('PLUGIN_NOT_FOUND');
      expect(await the.grants([ID, '--grant', 'all', '--revoke', 'all'])).toMatchObject({ code: 2 });
      const older = join(the.author.folder, 'data', 'grants');
      await mkdir(older, { recursive: true });
      await writeFile(join(older, `${ID}.json`), '{', { mode: 0o600 });
      expect((await the.author.run(['config', 'check'])).err).toContain('GRANT_INVALID');
    },
    LONG_MS,
  );
});
