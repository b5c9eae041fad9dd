import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { describeEachStore } from '../../host/store/each-store.test-support.js';
import { ask, type Answer } from '../cli/control-socket.test-support.js';
import {
  cleanUp,
  eventually,
  makeFolder,
  pluginPids,
  ROOT,
  startDaemon,
} from '../cli/daemon.test-support.js';
import { configOn } from './config-on-engine.test-support.js';

const LONG_MS = 120_000;
const CONFIG = `environment: development
host:
  plugins_dir: ${JSON.stringify(join(ROOT, '.bulkhead', 'plugins'))}
listen:
  data: { address: '127.0.0.1:0' }
  control: { address: '127.0.0.1:0' }
plugins:
  llm_validator:
    grants: { object_hooks: ['llm.*'] }
    config: { allowed_vendors: [anthropic] }
  hook_recorder: { grants: { context: [read_user], object_hooks: ['*.*'] } }
`;
const CLAUDE = { name: 'Claude', slug: 'claude', vendor: 'anthropic', api_key: 'sk-secret' };

describeEachStore('objects behind a daemon with real plugins', (the) => {
  let folder: string | undefined;
  afterEach(async () => {
    if (folder !== undefined) await cleanUp(folder);
    folder = undefined;
  });

  it(
    'are judged before they are kept and noted on, over a restart too; a guard that was killed refuses until it is back',
    async () => {
      const here = (folder = await makeFolder(await configOn(the, CONFIG)));
      const api = (method: string, path: string, body?: object, ifMatch?: string): Promise<Answer> =>
        ask(here, method, `/api/v1${path}`, body, ifMatch);
      const first = await startDaemon(here);
      expect((await ask(here, 'GET', '/status')).body).toMatchObject({ store: { engine: the.engine } });
      expect(await api('POST', '/llms', { ...CLAUDE, slug: 'gpt', vendor: 'openai' })).toMatchObject({
        status: 422,
        body: {
          error: {
            code: 'DENIED',
            message: "vendor 'openai' is not allowed; allowed are anthropic",
            violation: { plugin: 'llm_validator', code: 'LLM_VENDOR_NOT_ALLOWED' },
          },
        },
      });
      const dry = await api('POST', '/llms?dry_run=true', CLAUDE);
      expect(dry).toMatchObject({
        status: 200,
        body: { slug: 'claude', metadata: { 'plugin:dev.bulkhead.llm-validator': expect.anything() } },
      });
      expect(await api('GET', '/llms')).toMatchObject({ body: { items: [] } });

      const created = await api('POST', '/llms', CLAUDE);
      expect(created).toMatchObject({
        status: 201,
        body: {
          ...CLAUDE,
          api_key: '[redacted]',
          metadata: {
            'plugin:dev.bulkhead.llm-validator': { validated: { vendor: 'anthropic' } },
            'plugin:dev.bulkhead.hook-recorder': { last: { hook: 'before_create' } },
          },
        },
      });
      const at = `/llms/${String(created.body['id'])}`;
      await eventually('the note of the after hook', async () =>
        JSON.stringify((await api('GET', at)).body['metadata']).includes('after_create'),
      );
      const { status, etag } = await api('PATCH', at, { description: 'new' }, created.etag);
      expect(status).toBe(200);
      expect(etag).not.toBe(created.etag);
      expect(await api('PATCH', at, { description: 'late' }, created.etag)).toMatchObject({ status: 412 });
      first.signal('SIGTERM');
      await first.exited;

      await startDaemon(here);
      expect(await api('GET', at)).toMatchObject({ status: 200, body: { description: 'new' } });
      const pid = (await pluginPids(here)).get('llm_validator') ?? 0;
      process.kill(pid, 'SIGKILL');
      await eventually('the guard refuses, or is back already', async () => {
        const answer = await api('PATCH', at, { description: 'while it is away' });
        expect([200, 503]).toContain(answer.status);
        return answer.status === 200;
      });
      expect(await api('DELETE', at)).toMatchObject({ status: 204 });
    },
    LONG_MS,
  );
});
