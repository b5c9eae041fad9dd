import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { openRealHost } from './real-host.js';
import { ECHO_ANSWERS, ECHO_TOOL, TOOL_RUN_STEPS } from './tool-runs.js';
import { hostOfTwins } from './twins.js';

const SCOPES = ['tools.execute'];

let server: Server;
let origin: string;
beforeAll(async () => {
  server = createServer((request, response) => {
    void json(request).then((args) => {
      const answer = ECHO_ANSWERS[request.url?.slice(1) ?? ''];
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(answer?.(args as object)));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const tools = () => [ECHO_TOOL(origin), { ...ECHO_TOOL(origin), id: 'off', active: false }];

describe('tools that plugins run', () => {
  it.each(Object.entries(TOOL_RUN_STEPS))('in memory: %s', async (_name, step) => {
    const run = (args: object, operation: string): unknown => ECHO_ANSWERS[operation]?.(args);
    const contents = { objects: { tool: tools() }, toolRuns: { echo: run, off: run } };
    const { host, close } = await hostOfTwins({ services: SCOPES }, contents);
    await step({ tools: host.tools });
    await close();
  });
  it.each(Object.entries(TOOL_RUN_STEPS))('in the host: %s', async (_name, step) => {
    const real = await openRealHost();
    for (const tool of tools()) await real.services.objects.tool.create({ kind: 'cli', id: 'test' }, tool);
    await step({ tools: real.hostOf(SCOPES).tools });
    await real.close();
  });
});
