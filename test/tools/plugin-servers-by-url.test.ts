import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connectClient, textOf } from '../gateway/clients.test-support.js';
import { startRawHttp, type HttpServerProcess } from '../gateway/gateway.test-support.js';
import { KEY } from './app-key.test-support.js';
import { runHost, type HostChange } from './tools.test-support.js';

const AS_SHOP = { headers: { authorization: `Bearer ${KEY}` } };
const FIXTURE = join(import.meta.dirname, '../fixtures/plugins/contributing');
const HEADERS = { name: 'notes.far__headers', arguments: {} };
const EXPOSED = { 'notes.far/headers': 'allow' };

let folder: string;
let server: HttpServerProcess;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bh-by-url-'));
  server = await startRawHttp();
});
afterEach(async () => {
  await server.kill();
  await rm(folder, { recursive: true, force: true });
});

/** The plugin that contributes, with servers of another kind. */
async function withServers(servers: object, network: readonly string[]): Promise<object> {
  await cp(FIXTURE, folder, { recursive: true });
  const manifest = await readFile(join(FIXTURE, 'plugin.yaml'), 'utf8');
  const written = manifest
    .replace(/ {2}mcp_servers:\n(?: {4}.*\n)+/, `  mcp_servers: ${JSON.stringify(servers)}\n`)
    .replace('  open_routes: true', `  open_routes: true\n  network: ${JSON.stringify(network)}`);
  await writeFile(join(folder, 'plugin.yaml'), written);
  return { plugin: folder, command: [process.execPath, join(folder, 'plugin.mjs')] };
}

const client = (url: string) => connectClient('second line, sessions', url, AS_SHOP);
const far = (port: number) => ({
  far: { url: `http://127.0.0.1:${String(port)}/mcp`, headers: { 'x-of-plugin': 'yes' } },
});

describe('an MCP server that a plugin names by its address', () => {
  test('is an upstream under the plugin’s network grant, and its tools do not exist until they are listed', async () => {
    const entry = await withServers(far(server.port), [`127.0.0.1:${String(server.port)}`]);
    const notes = { ...entry, network_private: ['127.0.0.1'] };
    await using at = await runHost({ plugins: { notes } });
    await using mcp = await client(`${at.url}/mcp`);
    expect(await mcp.request('tools/list')).toEqual({ tools: [] });
    await expect(mcp.request('tools/call', HEADERS)).rejects.toMatchObject({ data: { code: 'TOOL_DENIED' } });
    await at.apply({ plugins: { notes }, expose: EXPOSED });
    expect(await mcp.request('tools/list')).toMatchObject({ tools: [{ name: 'notes.far__headers' }] });
    const seen = JSON.parse(textOf(await mcp.request('tools/call', HEADERS))) as Record<string, unknown>;
    expect(seen).toMatchObject({ 'x-of-plugin': 'yes' });
    await using alone = await client(`${at.url}/mcp/notes.far`);
    expect(await alone.request('tools/list')).toMatchObject({ tools: [{ name: 'headers' }] });
    await at.host.disable('notes');
    await expect(mcp.request('tools/call', HEADERS)).rejects.toMatchObject({
      message: expect.stringContaining("'notes' is not enabled"),
    });
  });

  test.each([
    ['a host that is not granted', [], ['127.0.0.1'], 'is not granted'],
    ['an address in a private range that nobody opened', undefined, [], 'is not on the public internet'],
  ])('is not reached: %s', async (_why, network, network_private, reason) => {
    const entry = await withServers(far(server.port), network ?? [`127.0.0.1:${String(server.port)}`]);
    const notes = { ...entry, network_private };
    await using at = await runHost({ plugins: { notes }, expose: EXPOSED });
    await using mcp = await client(`${at.url}/mcp`);
    await expect(mcp.request('tools/call', HEADERS)).rejects.toMatchObject({
      message: expect.stringContaining(reason),
    });
  });

  test('must say one thing, and an address that can be asked', async () => {
    const faults: readonly (readonly [object, RegExp])[] = [
      [{ far: { url: 'file:///etc/passwd' } }, /expected http:\/\/ or https:\/\//],
      [{ far: { url: 'http://a.example/mcp', command: 'node' } }, /has a command and a url/],
      [{ far: {} }, /has neither a command nor a url/],
    ];
    for (const [servers, message] of faults) {
      const notes = await withServers(servers, []);
      await expect(runHost({ plugins: { notes } })).rejects.toThrow(message);
    }
    const url = 'http://a.example/mcp';
    const notes = await withServers({ far: { url }, 'x.far': { url } }, []);
    await expect(runHost({ plugins: { notes, 'notes.x': notes } })).rejects.toThrow(
      /another entry or server is named/,
    );
  });
});

describe('a configuration that is applied', () => {
  test('brings and takes contributed servers and those of operators, without a restart', async () => {
    const entry = await withServers(far(server.port), [`127.0.0.1:${String(server.port)}`]);
    const notes = { ...entry, network_private: ['127.0.0.1'] };
    const raw = { url: server.url };
    await using at = await runHost({ plugins: {} });
    await using mcp = await client(`${at.url}/mcp`);
    const names = async (): Promise<readonly string[]> => {
      const { tools } = (await mcp.request('tools/list')) as { tools: readonly { name: string }[] };
      return tools.map(({ name }) => name);
    };
    expect(await names()).toEqual([]);
    const all: HostChange = { plugins: { notes }, expose: EXPOSED, mcp_servers: { raw } };
    await at.apply(all);
    expect(await names()).toContain('notes.far__headers');
    expect(await names()).toContain('raw__headers');
    const alone = await client(`${at.url}/mcp/notes.far`);
    // Another header is another connection of the same server; what its clients hold stays.
    await at.apply({ ...all, mcp_servers: { raw: { ...raw, headers: { 'x-changed': 'yes' } } } });
    const seen = textOf(await mcp.request('tools/call', { name: 'raw__headers', arguments: {} }));
    expect(JSON.parse(seen)).toMatchObject({ 'x-changed': 'yes' });
    await at.apply({ plugins: { notes: { ...notes, enabled: false } }, expose: EXPOSED });
    expect(await names()).toEqual([]);
    await expect(mcp.request('tools/call', HEADERS)).rejects.toThrow();
    await expect(alone.request('tools/list')).rejects.toThrow();
    await Promise.resolve(alone[Symbol.asyncDispose]()).catch(() => undefined);
    await expect(client(`${at.url}/mcp/notes.far`)).rejects.toThrow();
    await at.apply(all);
    expect(await names()).toContain('notes.far__headers');
    await using again = await client(`${at.url}/mcp/notes.far`);
    expect(await again.request('tools/list')).toMatchObject({ tools: [{ name: 'headers' }] });
  });
});
