import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import type { Subject } from './measure.ts';

const require = createRequire(import.meta.url);
const everything = join(
  dirname(require.resolve('@modelcontextprotocol/server-everything/package.json')),
  'dist/index.js',
);
const cli = join(import.meta.dirname, '../../host/dist/cli/main.js');
const noop = join(import.meta.dirname, '../fixtures/plugins/noop');
const call = { arguments: { message: 'a message of a length that people use in their calls' } };

/** The reference server spoken to over stdio, with nothing between. */
export async function connectDirect(): Promise<Subject> {
  const client = new Client({ name: 'bench', version: '1.0.0' });
  await client.connect(
    new StdioClientTransport({ command: process.execPath, args: [everything], stderr: 'ignore' }),
  );
  return { call: async () => client.callTool({ name: 'echo', ...call }), close: async () => client.close() };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** The same server behind the daemon, with one no-op plugin on each side of the call. */
export async function connectThroughGateway(): Promise<Subject> {
  const directory = await mkdtemp(join(tmpdir(), 'bench-'));
  const [data, control] = [await freePort(), await freePort()];
  const config = {
    environment: 'development',
    host: { data_dir: directory },
    listen: { data: { address: `127.0.0.1:${data}` }, control: { address: `127.0.0.1:${control}` } },
    log: { level: 'warn' },
    mcp_servers: { everything: { command: process.execPath, args: [everything] } },
    plugins: { noop: { plugin: noop } },
  };
  const file = join(directory, 'bulkhead.yaml');
  await writeFile(file, JSON.stringify(config));
  const daemon = spawn(process.execPath, [cli, 'start', '--config', file], {
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  const gone = once(daemon, 'exit');
  await ready(`http://127.0.0.1:${control}/readyz`);
  const client = new Client({ name: 'bench', version: '1.0.0' });
  await client.connect(new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${data}/mcp/everything`)));
  return {
    call: async () => client.callTool({ name: 'echo', ...call }),
    async close() {
      await client.close();
      daemon.kill('SIGTERM');
      await gone;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function ready(url: string): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (performance.now() < deadline) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok === true) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${url} was not ready within 30 s`);
}
