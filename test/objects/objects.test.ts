import { request } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readDaemonRecord } from '../../host/admin/daemon-record.js';
import {
  cleanUp,
  eventually,
  makeFolder,
  pluginPids,
  ROOT,
  startDaemon,
} from '../cli/daemon.test-support.js';

const CONFIG = `environment: development
host:
  plugins_dir: ${JSON.stringify(join(ROOT, '.bulkhead', 'plugins'))}
listen:
  data: { address: '127.0.0.1:0' }
  control: { address: '127.0.0.1:0' }
plugins:
  llm_validator:
    config: { allowed_vendors: [anthropic] }
  hook_recorder: { grants: { context: [read_user] } }
`;
const CLAUDE = { name: 'Claude', slug: 'claude', vendor: 'anthropic', api_key: 'sk-secret' };

interface Answer {
  readonly status: number;
  readonly etag: string | undefined;
  readonly body: Record<string, unknown>;
}

let folder: string;
beforeEach(async () => {
  folder = await makeFolder(CONFIG);
});
afterEach(() => cleanUp(folder));

/** Asks the running daemon over its control socket. */
function ask(method: string, path: string, body?: object, ifMatch?: string): Promise<Answer> {
  const socketPath = readDaemonRecord(join(folder, '.bulkhead'))?.socket ?? '';
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, method, path: `/api/v1${path}` }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.once('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          etag: response.headers.etag,
          body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>,
        });
      });
    });
    asked.once('error', reject);
    if (body !== undefined) asked.setHeader('content-type', 'application/json');
    if (ifMatch !== undefined) asked.setHeader('if-match', ifMatch);
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

test('real plugins judge an llm before it is kept and note on it; a guard that was killed refuses until it is back', async () => {
  await startDaemon(folder);
  expect(await ask('POST', '/llms', { ...CLAUDE, slug: 'gpt', vendor: 'openai' })).toMatchObject({
    status: 422,
    body: { error: { code: 'DENIED', violation: { plugin: 'llm_validator' } } },
  });
  const dry = await ask('POST', '/llms?dry_run=true', CLAUDE);
  expect(dry).toMatchObject({ status: 200, body: { slug: 'claude' } });
  expect(await ask('GET', '/llms')).toMatchObject({ body: { items: [] } });

  const created = await ask('POST', '/llms', CLAUDE);
  expect(created).toMatchObject({ status: 201, body: { ...CLAUDE, api_key: '[redacted]' } });
  const at = `/llms/${String(created.body['id'])}`;
  await eventually('the note of the after hook', async () =>
    JSON.stringify((await ask('GET', at)).body['metadata']).includes('after_create'),
  );
  const { status, etag } = await ask('PATCH', at, { description: 'new' }, created.etag);
  expect(status).toBe(200);
  expect(etag).not.toBe(created.etag);
  expect(await ask('PATCH', at, { description: 'late' }, created.etag)).toMatchObject({ status: 412 });

  const pid = (await pluginPids(folder)).get('llm_validator') ?? 0;
  process.kill(pid, 'SIGKILL');
  await eventually('the guard refuses, or is back already', async () => {
    const answer = await ask('PATCH', at, { description: 'while it is away' });
    expect([200, 503]).toContain(answer.status);
    return answer.status === 200;
  });
  expect(await ask('DELETE', at)).toMatchObject({ status: 204 });
});
