import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { testPlugin, type TestPlugin } from '@bulkhead/sdk/testing';
import type { JsonObject } from '@bulkhead/sdk';
import plugin from './index.js';
import { linesOf, withFolder } from './audit-file.test-support.js';

function start(dataDir: string | undefined, config: JsonObject = {}): Promise<TestPlugin> {
  return testPlugin(plugin, {
    manifest: new URL('plugin.yaml', import.meta.url),
    config,
    ...(dataDir === undefined ? {} : { dataDir }),
    context: { user: { id: 'ada' }, tenantId: 't', serverId: 'files' },
  });
}

describe('audit-logger', () => {
  it('writes one line per hook call, without the payload', () =>
    withFolder(async (folder) => {
      const logger = await start(folder);
      const denied = {
        allowed: false,
        deniedBy: 'tool_allowlist',
        violation: { code: 'TOOL_NOT_ALLOWED', reason: 'no' },
      };
      await logger.invoke(
        'tool_pre_invoke',
        { name: 'read', args: { secret: 'x' } },
        { requestId: 'a', outcome: denied },
      );
      await logger.invoke(
        'tool_post_invoke',
        { name: 'read', result: 1 },
        { requestId: 'b', outcome: { allowed: true } },
      );
      await logger.invoke('prompt_pre_fetch', { prompt_id: 'p' });
      await logger.invoke('prompt_post_fetch', { prompt_id: 'p', result: {} });
      await logger.invoke('resource_pre_fetch', { uri: 'u:1' });
      await logger.invoke('resource_post_fetch', { uri: 'u:1', content: '' });
      await logger.invoke('agent_pre_invoke', { agent_id: 'g', messages: [] });
      await logger.invoke('agent_post_invoke', { agent_id: 'g', messages: [] });
      await logger.shutdown();
      const lines = await linesOf(join(folder, 'audit.jsonl'));
      expect(lines.map(({ target }) => target)).toEqual(['read', 'read', 'p', 'p', 'u:1', 'u:1', 'g', 'g']);
      expect(lines[0]).toEqual({
        time: expect.any(String),
        request_id: 'a',
        hook: 'tool_pre_invoke',
        target: 'read',
        server: 'files',
        tenant: 't',
        user: 'ada',
        outcome: 'denied',
        denied_by: 'tool_allowlist',
        code: 'TOOL_NOT_ALLOWED',
        reason: 'no',
      });
      expect(lines[1]).toMatchObject({ request_id: 'b', outcome: 'allowed' });
    }));

  it('logs the payload when asked, with secrets redacted', () =>
    withFolder(async (folder) => {
      const logger = await start(folder, { fields: true, redact_keys: ['pin'] });
      await logger.invoke('tool_pre_invoke', {
        name: 'read',
        args: { path: 'x', password: 'y', deep: { PIN: 1 } },
      });
      await logger.shutdown();
      expect(await linesOf(join(folder, 'audit.jsonl'))).toMatchObject([
        { fields: { args: { path: 'x', password: '[REDACTED]', deep: { PIN: '[REDACTED]' } } } },
      ]);
    }));

  it('writes to an absolute path, and needs one when there is no data directory', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'elsewhere', 'log.jsonl');
      const logger = await start(undefined, { path });
      await logger.invoke('tool_pre_invoke', { name: 'read', args: {} });
      await logger.shutdown();
      expect(await linesOf(path)).toHaveLength(1);
      await expect(start(undefined)).rejects.toMatchObject({ code: 'SETUP_FAILED' });
    }));

  it('does not start on a path that can never be written', () =>
    withFolder(async (folder) => {
      await writeFile(join(folder, 'file'), '');
      const path = join(folder, 'file', 'audit.jsonl');
      await expect(start(undefined, { path })).rejects.toMatchObject({ code: 'SETUP_FAILED' });
    }));
});
