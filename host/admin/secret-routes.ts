import type { Secrets } from '../services/secrets/secrets.js';
import type { ApiRoutes } from './api.js';

const BODY = {
  type: 'object',
  additionalProperties: false,
  required: ['value'],
  properties: { value: { type: 'string' } },
};

type Named = { Params: { name: string } };

/** Secrets: their names, and new values. A value goes in and never comes out. */
export function secretRoutes(secrets: Secrets): ApiRoutes {
  return (app) => {
    app.get('/secrets', { config: { role: 'operator' } }, async () => ({ secrets: await secrets.list() }));
    app.put<Named & { Body: { value: string } }>(
      '/secrets/:name',
      { config: { role: 'admin' }, schema: { body: BODY } },
      ({ params, body, caller }) => secrets.set(params.name, body.value, caller.actor),
    );
    app.delete<Named>('/secrets/:name', { config: { role: 'admin' } }, async ({ params, caller }) => {
      await secrets.remove(params.name, caller.actor);
      return { name: params.name };
    });
    app.post('/secrets/rotate-key', { config: { role: 'admin' } }, ({ caller }) =>
      secrets.rotateKey(caller.actor),
    );
  };
}
