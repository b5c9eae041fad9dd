import { chmodSync, rmSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import Fastify, { type FastifyInstance } from 'fastify';
import { addApi, type ApiOptions } from './api.js';
import type { Control } from './control.js';
import { answerErrors } from './error-answer.js';
import { socketCaller } from './socket-caller.js';

const OWNER_ONLY = 0o600;
const MAX_TAIL_LINES = 1_000;
const DEFAULT_TAIL_LINES = 100;
/** A reader of a followed log that falls further behind is let go. */
const MAX_UNREAD_BYTES = 1024 * 1024;

type Named = { Params: { name: string } };

/**
 * The daemon's control socket: HTTP over a Unix socket that only its owner can open. The lock on the data directory
 * must be held, because a socket that a dead daemon left is removed.
 */
export async function openControlSocket(
  path: string,
  control: Control,
  { routes = [], ...more }: Partial<Omit<ApiOptions, 'authenticate'>> = {},
): Promise<{ close(): Promise<void> }> {
  const app = Fastify({ logger: false, forceCloseConnections: true });
  answerErrors(app);
  addApi(app, { ...more, routes, authenticate: socketCaller });
  app.get('/status', () => control.status());
  app.get('/plugins', () => ({ plugins: control.status().plugins }));
  app.get<Named>('/plugins/:name', ({ params }) => control.plugin(params.name));
  addLogs(app, control);
  for (const act of ['reload', 'enable', 'disable', 'reset'] as const) {
    app.post<Named>(`/plugins/:name/${act}`, async (request) => {
      const { name } = request.params;
      await control[act](name, socketCaller(request).actor);
      return control.plugin(name);
    });
  }
  app.post('/config/apply', (request) => control.apply(socketCaller(request).actor));
  rmSync(path, { force: true });
  await app.listen({ path });
  chmodSync(path, OWNER_ONLY);
  return { close: () => app.close() };
}

function addLogs(app: FastifyInstance, control: Control): void {
  const querystring = {
    type: 'object',
    additionalProperties: false,
    properties: {
      tail: { type: 'integer', minimum: 0, maximum: MAX_TAIL_LINES, default: DEFAULT_TAIL_LINES },
      follow: { type: 'boolean', default: false },
    },
  };
  app.get<Named & { Querystring: { tail: number; follow: boolean } }>(
    '/plugins/:name/logs',
    { schema: { querystring } },
    async ({ params, query }, reply) => {
      const { name } = control.plugin(params.name);
      const stream = new PassThrough();
      for (const line of control.logs.last(name, query.tail)) stream.write(`${line}\n`);
      if (!query.follow) stream.end();
      else followInto(stream, control, name);
      return reply.type('application/x-ndjson').send(stream);
    },
  );
}

function followInto(stream: PassThrough, control: Control, plugin: string): void {
  const stop = control.logs.follow(plugin, (line) => {
    if (stream.writableLength > MAX_UNREAD_BYTES) stream.destroy();
    else stream.write(`${line}\n`);
  });
  if (stop === undefined) {
    throw new BulkheadError(ErrorCode.USAGE, 'Too many followers of logs. End one and try again.');
  }
  stream.once('close', stop);
}
