import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { HOST_VERSION } from '../version.js';

/** The id of the schema of every error, for routes to refer to. */
export const ERROR_SCHEMA = 'Error';

const errorSchema = {
  $id: ERROR_SCHEMA,
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message', 'problems'],
      properties: {
        code: { type: 'string', description: 'One of those in docs/errors.md.' },
        message: { type: 'string' },
        problems: {
          type: 'array',
          items: {
            type: 'object',
            required: ['code', 'message'],
            properties: {
              code: { type: 'string' },
              message: { type: 'string' },
              path: { type: 'string', description: 'Path of the key at fault.' },
            },
          },
        },
        violation: {
          type: 'object',
          description: "Of DENIED: who refused. The error's message is the reason.",
          required: ['plugin', 'code'],
          properties: {
            plugin: { type: 'string', description: "The configured entry's name." },
            code: { type: 'string' },
            description: { type: 'string' },
            http_status_code: { type: 'integer' },
          },
        },
        retry_after_ms: { type: 'integer', description: 'When to try again, in milliseconds.' },
      },
    },
  },
};

/**
 * Describes every route that is added to the listener after it, and serves the description as `/openapi.json`
 * (OpenAPI 3.1).
 */
export function addOpenApi(api: FastifyInstance): void {
  api.addSchema(errorSchema);
  api.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Bulkhead',
        version: HOST_VERSION,
        description:
          'The control plane of a Bulkhead host. Each operation names the role that it needs in `x-role`.',
      },
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer', description: '`bulkhead token create`' },
        },
      },
      security: [{ token: [] }],
    },
    refResolver: {
      buildLocalReference: (schema, _base, _fragment, index) =>
        typeof schema['$id'] === 'string' ? schema['$id'] : `schema-${String(index)}`,
    },
    transform: ({ schema, url, route }) => {
      const { role } = route.config ?? {};
      return { schema: { ...schema, ...(role === undefined ? {} : { 'x-role': role }) }, url };
    },
  });
}

/** The document itself. */
export function serveOpenApi(api: FastifyInstance): void {
  api.get(
    '/openapi.json',
    {
      config: { role: 'viewer' },
      schema: { summary: 'This document.', operationId: 'openapi', tags: ['api'] },
    },
    () => api.swagger(),
  );
}
