import type { Subscriptions } from '../events/subscriptions.js';
import type { ApiRoutes } from './api.js';

const querystring = {
  type: 'object',
  additionalProperties: false,
  properties: { plugin: { type: 'string' } },
};

/** Who subscribed to what, what waits, and what was dropped. */
export function eventRoutes(subscriptions: Subscriptions): ApiRoutes {
  return (app) => {
    app.get<{ Querystring: { plugin?: string } }>(
      '/events/subscriptions',
      { config: { role: 'viewer' }, schema: { querystring } },
      async ({ query }) => {
        const found = await subscriptions.list(query.plugin);
        return {
          subscriptions: found.map(({ plugin, pattern, backlog, dropped, createdAtMs }) => ({
            plugin,
            pattern,
            backlog,
            dropped,
            created_at: new Date(createdAtMs).toISOString(),
          })),
        };
      },
    );
    app.delete<{ Params: { name: string }; Querystring: { pattern: string } }>(
      '/plugins/:name/events/subscriptions',
      {
        config: { role: 'admin' },
        schema: {
          querystring: { type: 'object', required: ['pattern'], properties: { pattern: { type: 'string' } } },
        },
      },
      async ({ params, query, caller }, reply) => {
        await subscriptions.unsubscribe(params.name, query.pattern, caller.actor);
        await reply.code(204).send();
      },
    );
  };
}
