import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  createPostgres,
  findPostgres,
  type PostgresServer,
} from '../../host/store/postgres-server.test-support.js';
import {
  bulkhead,
  cleanUp,
  eventually,
  makeFolder,
  ROOT,
  startDaemon,
  type RunningDaemon,
} from '../cli/daemon.test-support.js';
import { ask } from '../cli/control-socket.test-support.js';

const LONG_MS = 120_000;
const config = (store: string) => `environment: development
host:
  plugins_dir: ${JSON.stringify(join(ROOT, '.bulkhead', 'plugins'))}
${store}
listen:
  data: { address: '127.0.0.1:0' }
  control: { address: '127.0.0.1:0' }
plugins:
  tool_allowlist:
    config: { allowed_tools: [echo] }
  audit_logger: {}
`;

const mayCall = async (daemon: RunningDaemon, tool: string): Promise<boolean> => {
  const response = await fetch(`${daemon.data}/hooks/tool_pre_invoke`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ payload: { name: tool, args: {} } }),
  });
  return response.status === 200;
};

const ready = async (daemon: RunningDaemon): Promise<number> =>
  (await fetch(`${daemon.control}/readyz`)).status;
const ALLOW_ADD = { set: { config: { allowed_tools: ['echo', 'add'] } } };
const bin = await findPostgres();

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await cleanUp(folder);
});

async function folderWith(store: string): Promise<string> {
  const folder = await makeFolder(config(store));
  folders.push(folder);
  return folder;
}

describe('a daemon on SQLite', () => {
  it(
    'takes a change of its configuration and a grant at once, keeps both over a restart, and tells where they came from',
    async () => {
      const folder = await folderWith('');
      const first = await startDaemon(folder);
      expect(await mayCall(first, 'add')).toBe(false);
      const changed = await ask(folder, 'PATCH', '/api/v1/config/plugins/tool_allowlist', ALLOW_ADD);
      expect(changed).toMatchObject({ status: 200, etag: '"1"', body: { version: 1 } });
      expect(await mayCall(first, 'add')).toBe(true);
      expect(
        await ask(folder, 'PATCH', '/api/v1/config/plugins/tool_allowlist', { set: { command: 'sh' } }),
      ).toMatchObject({ status: 400 });
      const granted = await bulkhead(folder, 'plugin', 'grants', 'audit_logger', '--grant', 'all');
      expect(granted).toMatchObject({ code: 0, stderr: expect.stringContaining('The daemon has taken it.') });
      await eventually('ready', async () => (await ready(first)) === 200);
      first.signal('SIGTERM');
      await first.exited;

      const second = await startDaemon(folder);
      expect(await mayCall(second, 'add')).toBe(true);
      expect(await ready(second)).toBe(200);
      const explained = await bulkhead(folder, 'config', 'explain', 'tool_allowlist');
      expect(explained.stdout).toMatch(/config\.allowed_tools\[1\]\s+"add"\s+store, cli:[^,]+, 20\d\d-/);
      const pulled = await bulkhead(folder, 'config', 'pull');
      expect(pulled.stdout).toContain('allowed_tools:\n        - echo\n        - add\n');
    },
    LONG_MS,
  );
});

describe.skipIf(bin === undefined && process.env['CI'] === undefined)('two daemons on one PostgreSQL', () => {
  let server: PostgresServer;

  beforeAll(async () => {
    if (bin === undefined) throw new Error('PostgreSQL is not installed; CI needs it');
    server = await createPostgres(bin);
    await server.start();
    // As an operator gives it: by a variable, so that it is in no file.
    process.env['BULKHEAD_TEST_STORE'] = server.url;
  }, LONG_MS);

  afterAll(async () => {
    delete process.env['BULKHEAD_TEST_STORE'];
    await server.remove();
  });

  it(
    'share configuration and grants, run on while it is away, and are back by themselves',
    async () => {
      const store = "store: { url: '${env:BULKHEAD_TEST_STORE}' }";
      const [here, there] = [await folderWith(store), await folderWith(store)];
      const [one, two] = await Promise.all([startDaemon(here), startDaemon(there)]);
      await ask(here, 'PATCH', '/api/v1/config/plugins/tool_allowlist', ALLOW_ADD);
      await eventually('the other takes it', () => mayCall(two, 'add'));
      expect([await ready(one), await ready(two)]).toEqual([503, 503]);
      await bulkhead(here, 'plugin', 'grants', 'audit_logger', '--grant', 'all');
      await eventually('both have the grant', async () => (await ready(one)) + (await ready(two)) === 400);

      await server.stop('immediate');
      const away = await ask(here, 'PATCH', '/api/v1/config/plugins/tool_allowlist', { reset: [[]] });
      expect(away).toMatchObject({ status: 503, body: { error: { code: 'STORE_UNAVAILABLE' } } });
      await eventually('both say so', async () => (await ready(one)) + (await ready(two)) === 1_006);
      expect(await ask(there, 'GET', '/status')).toMatchObject({
        body: { store: { engine: 'postgres' }, readiness: { waiting_for: ['store'] } },
      });
      expect([await mayCall(one, 'add'), await mayCall(two, 'sub')]).toEqual([true, false]);
      await server.start();
      await eventually('both are back', async () => (await ready(one)) + (await ready(two)) === 400);
      await ask(there, 'PATCH', '/api/v1/config/plugins/tool_allowlist', { reset: [[]] });
      await eventually('it is taken again', async () => !(await mayCall(one, 'add')));
      expect(one.log() + two.log()).not.toContain(server.url);
    },
    LONG_MS,
  );
});
