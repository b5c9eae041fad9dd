import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { WALLS } from '../../host/sidecar/launch.test-support.js';
import { connectClient, textOf } from '../gateway/clients.test-support.js';
import { KEY } from './app-key.test-support.js';
import { runHost } from './tools.test-support.js';

const AS_SHOP = { headers: { authorization: `Bearer ${KEY}` } };
const LOOK = { name: 'notes.eyes__look', arguments: {} };

describe.each(WALLS)('an MCP server that a plugin contributes, behind the %s wall', (sandbox) => {
  test('is an upstream in its plugin’s wall, whose tools do not exist until they are listed', async () => {
    await using at = await runHost({ sandbox });
    const client = await connectClient('second line, sessions', `${at.url}/mcp`, AS_SHOP);
    expect(await client.request('tools/list')).toEqual({ tools: [] });
    await expect(client.request('tools/call', LOOK)).rejects.toMatchObject({ data: { code: 'TOOL_DENIED' } });
    await at.expose({ 'notes.eyes/look': 'allow' });
    expect(await client.request('tools/list')).toMatchObject({ tools: [{ name: 'notes.eyes__look' }] });
    const seen = JSON.parse(textOf(await client.request('tools/call', LOOK))) as Record<string, unknown>;
    expect(seen).toMatchObject({ mine: 'yes', args: ['--closely'] });
    expect(seen['env']).not.toContain('HOSTNAME');
    if (sandbox === 'basic') expect(seen['processes']).toBe('ERR_ACCESS_DENIED');
    // The namespace's own init, and itself.
    if (sandbox === 'strict') expect(seen['processes']).toBeLessThan(4);
    await client[Symbol.asyncDispose]();
  });

  test('ends with its plugin, and its program must be the package’s own or node', async () => {
    await using at = await runHost({ sandbox, expose: { 'notes.eyes/look': 'allow' } });
    await using client = await connectClient('second line, sessions', `${at.url}/mcp`, AS_SHOP);
    await client.request('tools/call', LOOK);
    await expect(at.host.pluginServers.launch('notes', 'foreign')).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
      field: 'subprocess',
    });
    const process = await at.host.pluginServers.launch('notes', 'eyes');
    const { pid } = process;
    expect(existsSync(`/proc/${pid}`)).toBe(true);
    await at.host.disable('notes');
    await process.exit;
    await expect
      .poll(() => client.request('tools/call', LOOK).catch((error: unknown) => error), { timeout: 10_000 })
      .toMatchObject({ code: -32_051 });
    await expect(at.host.pluginServers.launch('notes', 'eyes')).rejects.toMatchObject({
      code: 'PLUGIN_UNAVAILABLE',
    });
  });
});
