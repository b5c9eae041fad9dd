import { mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHost, type Host } from '@bulkhead/host';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { install } from './workspace.test-support.js';

const NUMBERED = 1_000_000_000_000_000;

describe('the five plugins, installed and in processes of their own', () => {
  let folder = '';
  let host: Host;

  beforeAll(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'five-')));
    const pluginsDir = join(folder, 'plugins');
    await install(['--plugins-dir', pluginsDir]);
    host = await createHost(
      {
        environment: 'development',
        host: { data_dir: join(folder, 'data'), plugins_dir: pluginsDir },
        log: { level: 'error' },
        plugins: {
          tool_allowlist: { config: { denied_tools: ['rm*'] } },
          token_budget: {
            grants: { context: ['read_user'] },
            config: { user: { minute: null, hour: null, day: 500 } },
          },
          pii_filter: { enabled: true },
          latency_tracker: { enabled: true },
          audit_logger: { grants: { context: ['read_user'] }, config: { batch_max_wait_ms: 5 } },
        },
      },
      { baseDirectory: folder },
    );
    await host.start();
  });

  afterAll(async () => {
    await host.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('mask a card, keep a number exact and say who changed what', async () => {
    const args = { message: 'card 4111-1111-1111-1111', n: NUMBERED, big: JSON.rawJSON('9007199254740993') };
    const answer = await host.invoke('tool_pre_invoke', { name: 'echo', args });
    expect(answer.allowed).toBe(true);
    expect(JSON.stringify(answer.payload.args)).toBe(
      '{"message":"card [CARD]","n":1000000000000000,"big":9007199254740993}',
    );
    expect(answer.changedBy).toEqual(['pii_filter']);
    expect(answer.metadata['pii_filter']).toEqual({ detections: { card: 1 } });
  });

  it('refuse a tool that is denied', async () => {
    const answer = await host.invoke('tool_pre_invoke', { name: 'rm_all', args: {} });
    expect(answer.violation).toMatchObject({ code: 'TOOL_NOT_ALLOWED', plugin: 'tool_allowlist' });
  });

  it('measure from the call to its answer, and charge for both', async () => {
    const context = { requestId: 'one-request', user: { id: 'ada' } };
    await host.invoke('tool_pre_invoke', { name: 'echo', args: { text: 'x'.repeat(100) } }, context);
    const after = await host.invoke('tool_post_invoke', { name: 'echo', result: 'y'.repeat(98) }, context);
    expect(after.metadata['latency_tracker']).toEqual({ latency_ms: expect.any(Number) });
    expect(after.metadata['token_budget']).toEqual({ tokens: 28 + 25, tokens_source: 'estimate' });
  });

  it('refuse a user whose budget is spent, and nobody else', async () => {
    const args = { text: 'x'.repeat(1_600) };
    const call = (id: string) => host.invoke('tool_pre_invoke', { name: 'echo', args }, { user: { id } });
    expect((await call('bob')).allowed).toBe(true);
    expect((await call('bob')).violation).toMatchObject({
      code: 'TOKEN_BUDGET_EXCEEDED',
      http_status_code: 429,
    });
    expect((await call('carl')).allowed).toBe(true);
  });

  it('write it all down once they are stopped', async () => {
    await host.stop();
    const text = await readFile(join(folder, 'data', 'data', 'audit_logger', 'audit.jsonl'), 'utf8');
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toContainEqual(
      expect.objectContaining({
        target: 'rm_all',
        outcome: 'denied',
        denied_by: 'tool_allowlist',
        code: 'TOOL_NOT_ALLOWED',
      }),
    );
    expect(lines.filter(({ request_id: id }) => id === 'one-request')).toMatchObject([
      { hook: 'tool_pre_invoke', user: 'ada', outcome: 'allowed' },
      { hook: 'tool_post_invoke' },
    ]);
    expect(text).not.toContain('4111');
  });
});
