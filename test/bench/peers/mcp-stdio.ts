import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import type { Subject } from '../measure.ts';
import { payload } from '../payload.ts';

/** A tool call over MCP's stdio transport, with the official client and server. */
export async function connectMcpStdio(): Promise<Subject> {
  const client = new Client({ name: 'bench', version: '1.0.0' });
  await client.connect(
    new StdioClientTransport({
      command: process.execPath,
      args: [join(import.meta.dirname, 'mcp-stdio-server.ts')],
    }),
  );
  return {
    call: async () => client.callTool({ name: payload.name, arguments: payload.args }),
    close: async () => client.close(),
  };
}
