import type { Kv } from '../services/kv/kv.js';
import type { ApiRoutes } from './api.js';
import { pageQuery, type PageQuery } from './page-query.js';

type Named = { Params: { name: string } };

/** What a plugin keeps: its keys, never a value. An admin may clear it. */
export function kvRoutes(kv: Kv): ApiRoutes {
  return (app) => {
    const querystring = pageQuery({ prefix: { type: 'string', maxLength: 255, default: '' } });
    app.get<Named & { Querystring: PageQuery & { prefix: string } }>(
      '/plugins/:name/kv',
      { config: { role: 'operator' }, schema: { querystring } },
      async ({ params, query }) => {
        const page = await kv.list(params.name, query.prefix, query.page_size, query.page_token);
        return {
          keys: page.keys.map(({ key, version, expiresAt, bytes }) => ({
            key,
            version,
            expires_at: expiresAt === null ? null : new Date(expiresAt).toISOString(),
            bytes,
          })),
          next_page_token: page.nextPageToken,
        };
      },
    );
    app.delete<Named>('/plugins/:name/kv', { config: { role: 'admin' } }, async ({ params, caller }) => ({
      keys: await kv.clear(params.name, caller.actor),
    }));
  };
}
