import { Readable } from 'node:stream';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { MAX_PAGE_ENTRIES } from '../telemetry/audit/list.js';
import type { AuditReader } from '../telemetry/audit/reader.js';
import type { ApiRoutes } from './api.js';

const DEFAULT_PAGE_ENTRIES = 100;
const text = { type: 'string', maxLength: 500 };
const QUERY = {
  type: 'object',
  additionalProperties: false,
  properties: {
    since: { type: 'string', maxLength: 40 },
    until: { type: 'string', maxLength: 40 },
    actor: text,
    action: text,
    target: text,
    outcome: { enum: ['allowed', 'denied', 'suppressed', 'error'] },
    host: text,
    request_id: text,
    page_size: { type: 'integer', minimum: 1, maximum: MAX_PAGE_ENTRIES, default: DEFAULT_PAGE_ENTRIES },
    page_token: { type: 'string', maxLength: 1_000 },
  },
};

interface AuditQuery {
  readonly since?: string;
  readonly until?: string;
  readonly actor?: string;
  readonly action?: string;
  readonly target?: string;
  readonly outcome?: string;
  readonly host?: string;
  readonly request_id?: string;
  readonly page_size: number;
  readonly page_token?: string;
}

/** The audit log: entries, whether it is whole, and all of it as lines. */
export function auditRoutes(reader: AuditReader): ApiRoutes {
  return (app) => {
    app.get<{ Querystring: AuditQuery }>(
      '/audit',
      { config: { role: 'operator' }, schema: { querystring: QUERY } },
      ({ query }) => {
        const { since, until, request_id: requestId, page_size: size, page_token: token, ...same } = query;
        const filter = {
          ...same,
          ...(since === undefined ? {} : { since: parseTime('since', since) }),
          ...(until === undefined ? {} : { until: parseTime('until', until) }),
          ...(requestId === undefined ? {} : { requestId }),
        };
        return reader.list(filter, { size, ...(token === undefined ? {} : { token }) });
      },
    );
    app.get('/audit/verify', { config: { role: 'operator' } }, () => reader.verify());
    app.get('/audit/export', { config: { role: 'operator' } }, (_request, reply) =>
      reply.type('application/x-ndjson').send(Readable.from(linesOf(reader.export()))),
    );
  };
}

async function* linesOf(lines: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const line of lines) yield `${line}\n`;
}

function parseTime(field: string, value: string): number {
  const at = Date.parse(value);
  if (Number.isFinite(at)) return at;
  throw new BulkheadError(
    ErrorCode.INVALID_ARGUMENT,
    `expected a time such as 2026-11-25T10:00:00Z in ${field}, got '${value}'`,
    { field },
  );
}
