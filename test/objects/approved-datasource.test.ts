import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { describeEachStore } from '../../host/store/each-store.test-support.js';
import { ask } from '../cli/control-socket.test-support.js';
import { bulkhead, cleanUp, makeFolder, ROOT, startDaemon } from '../cli/daemon.test-support.js';
import { configOn } from './config-on-engine.test-support.js';

const LONG_MS = 120_000;
const CONFIG = `environment: development
host:
  plugins_dir: ${JSON.stringify(join(ROOT, '.bulkhead', 'plugins'))}
listen:
  data: { address: '127.0.0.1:0' }
  control: { address: '127.0.0.1:0' }
plugins:
  approval_system:
    grants:
      scopes: [datasources.write, kv.readwrite, objects.secrets]
      context: [read_user]
      object_hooks: [datasource.before_create]
  hook_recorder: { grants: { context: [read_user], object_hooks: ['*.*'] } }
`;
const ORDERS = { name: 'orders', kind: 'sqlite', path: '/data/orders.db' };

describeEachStore('a data source that waits for approval, behind a daemon', (the) => {
  let folder = '';
  afterEach(() => cleanUp(folder));

  it(
    'is created when an admin approves it on the control plane, once, and all of it is in the audit log',
    async () => {
      folder = await makeFolder(await configOn(the, CONFIG));
      const { control } = await startDaemon(folder);
      const tokenOf = async (role: string): Promise<string> => {
        const { code, stdout, stderr } = await bulkhead(folder, 'token', 'create', role, '--role', role);
        expect({ code, stderr }).toMatchObject({ code: 0 });
        return stdout.trim();
      };
      const rpc = async (token: string, method: string, input: object | null) => {
        const response = await fetch(`${control}/plugin/dev.bulkhead.approval-system/rpc/${method}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
          body: JSON.stringify(input),
        });
        const body: unknown = await response.json();
        return { status: response.status, body };
      };
      const created = async (): Promise<readonly unknown[]> =>
        [(await ask(folder, 'GET', '/api/v1/datasources')).body['items']].flat();
      const [operator, admin] = [await tokenOf('operator'), await tokenOf('admin')];

      expect(await ask(folder, 'POST', '/api/v1/datasources?dry_run=true', ORDERS)).toMatchObject({
        status: 409,
      });
      expect(await rpc(operator, 'list', null)).toEqual({ status: 200, body: { requests: [] } });
      const parked = await ask(folder, 'POST', '/api/v1/datasources', ORDERS);
      expect(parked).toMatchObject({
        status: 409,
        body: {
          error: { code: 'DENIED', violation: { plugin: 'approval_system', code: 'APPROVAL_REQUIRED' } },
        },
      });
      const id = /as request ([0-9a-f]{16})/.exec(JSON.stringify(parked.body))?.[1] ?? '';
      expect(await rpc(operator, 'list', null)).toMatchObject({
        status: 200,
        body: { requests: [{ id, datasource: ORDERS }] },
      });
      expect(await created()).toEqual([]);

      expect(await rpc('nobody', 'approve', { id })).toMatchObject({ status: 401 });
      expect(await rpc(operator, 'approve', { id })).toMatchObject({ status: 403 });
      expect(await created()).toEqual([]);

      const approved = await rpc(admin, 'approve', { id });
      expect(approved).toEqual({ status: 200, body: { datasource_id: `approved-${id}` } });
      expect(await created()).toMatchObject([
        {
          ...ORDERS,
          id: `approved-${id}`,
          metadata: { 'plugin:dev.bulkhead.hook-recorder': { last: expect.anything() } },
        },
      ]);
      expect(await rpc(admin, 'approve', { id })).toMatchObject({ status: 404 });
      expect(await rpc(operator, 'list', null)).toEqual({ status: 200, body: { requests: [] } });
      expect(await created()).toHaveLength(1);

      const verified = await bulkhead(folder, 'audit', 'verify');
      expect(verified).toMatchObject({ code: 0, stdout: expect.stringContaining('The audit log is whole.') });
      const { body } = await ask(folder, 'GET', '/api/v1/audit?action=datasource.create');
      expect(body['entries']).toMatchObject([
        {
          actor: { kind: 'plugin', id: 'approval_system' },
          target: `datasource/approved-${id}`,
          outcome: 'allowed',
        },
        { actor: { kind: 'cli' }, outcome: 'denied', code: 'APPROVAL_REQUIRED' },
        // The dry run.
        { actor: { kind: 'cli' }, outcome: 'denied', code: 'APPROVAL_REQUIRED' },
      ]);
    },
    LONG_MS,
  );
});
