import { MAX_USAGE_ROWS, type UsageQuery, type UsageRow } from '../services/analytics/usage-query.js';
import type { ApiRoutes } from './api.js';

const QUERY = {
  type: 'object',
  additionalProperties: false,
  properties: {
    from: { type: 'integer', minimum: 0, description: 'Milliseconds since the Unix epoch, included.' },
    to: { type: 'integer', minimum: 0, description: 'Milliseconds since the Unix epoch, not included.' },
    kind: { enum: ['hook', 'tool', 'service'] },
    plugin: { type: 'string', description: "The configured entry's name." },
    app: { type: 'string', description: "An app's id." },
    name: { type: 'string', description: 'The hook, the tool (server/tool) or the method.' },
    step: { enum: ['hour', 'day'], description: 'Puts counts in steps; without it they are summed up.' },
  },
} as const;

interface Asked {
  readonly from?: number;
  readonly to?: number;
  readonly kind?: UsageQuery['kind'] & string;
  readonly plugin?: string;
  readonly app?: string;
  readonly name?: string;
  readonly step?: 'hour' | 'day';
}

/** `GET /usage`: what was used, at most {@link MAX_USAGE_ROWS} rows. */
export function usageRoutes(query: (asked: UsageQuery) => Promise<readonly UsageRow[]>): ApiRoutes {
  return (app) => {
    app.get<{ Querystring: Asked }>(
      '/usage',
      { config: { role: 'viewer' }, schema: { querystring: QUERY } },
      async ({ query: { from, to, app: appId, ...rest } }) => {
        const rows = await query({
          ...rest,
          ...(from === undefined ? {} : { fromMs: from }),
          ...(to === undefined ? {} : { toMs: to }),
          ...(appId === undefined ? {} : { appId }),
        });
        return { usage: rows.map(toJson), truncated: rows.length >= MAX_USAGE_ROWS };
      },
    );
  };
}

function toJson({ atMs, kind, plugin, name, appId, calls, denied, failed, durationMs }: UsageRow) {
  return {
    ...(atMs === 0 ? {} : { at: new Date(atMs).toISOString() }),
    kind,
    plugin,
    name,
    ...(appId === '' ? {} : { app: appId }),
    calls,
    denied,
    failed,
    duration_ms: durationMs,
  };
}
