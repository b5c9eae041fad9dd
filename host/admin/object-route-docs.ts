import { FILTER_FIELDS, OBJECT_SCHEMAS, OBJECT_TYPES, type ObjectType } from '@bulkhead/proto/rules';
import type { FastifyInstance, RouteShorthandOptions } from 'fastify';
import { ERROR_SCHEMA } from './openapi.js';

export type ObjectRoute = 'list' | 'get' | 'create' | 'update' | 'patch' | 'delete';

const SUMMARY: Readonly<Record<ObjectRoute, (type: ObjectType) => string>> = {
  list: (type) => `List ${type}s.`,
  get: (type) => `Read one ${type}.`,
  create: (type) => `Create a ${type}.`,
  update: (type) => `Replace a ${type}.`,
  patch: (type) => `Change a ${type} by a JSON Merge Patch.`,
  delete: (type) => `Delete a ${type}.`,
};

const text = { type: 'string' };
const refTo = (id: string): object => ({ $ref: `${id}#` });
const failure = (description: string): object => ({ description, ...refTo(ERROR_SCHEMA) });

const DRY_RUN = {
  dry_run: { type: 'boolean', default: false, description: 'Say what would happen, and write nothing.' },
};
const ID = {
  type: 'object',
  required: ['id'],
  properties: { id: { ...text, description: "The object's id." } },
};
const IF_MATCH = {
  type: 'object',
  properties: {
    'if-match': { ...text, description: 'The ETag that was seen; 412 when it is another one by now.' },
  },
};

/** Adds the objects' schemas to what routes may refer to. */
export function documentObjects(api: FastifyInstance): void {
  for (const type of OBJECT_TYPES) {
    // The listener's own validator, which checks other routes, knows older drafts only.
    const { $schema: _draft, ...schema } = OBJECT_SCHEMAS[type];
    api.addSchema({ $id: type, ...schema });
  }
}

/**
 * What a route says of itself in the OpenAPI document. Nothing is checked or written by it: `objects` judges what comes,
 * and says more than a schema could.
 */
export function documented(type: ObjectType, route: ObjectRoute): RouteShorthandOptions {
  const changes = route !== 'list' && route !== 'get';
  const withId = route !== 'list' && route !== 'create';
  const filters = Object.fromEntries(
    FILTER_FIELDS[type].map((field) => [field, { ...text, description: `Only those with this ${field}.` }]),
  );
  return {
    validatorCompiler: () => () => true,
    serializerCompiler: () => (data) => JSON.stringify(data),
    schema: {
      summary: SUMMARY[route](type),
      operationId: `${route}-${type}`,
      tags: [`${type}s`],
      ...(withId ? { params: ID } : {}),
      ...(withId && changes ? { headers: IF_MATCH } : {}),
      ...(changes ? { querystring: { type: 'object', properties: DRY_RUN } } : {}),
      ...(route === 'list'
        ? {
            querystring: {
              type: 'object',
              properties: {
                page_size: { type: 'integer', minimum: 1, maximum: 1_000, default: 100 },
                page_token: { ...text, description: '`next_page_token` of the page before.' },
                ...filters,
              },
            },
          }
        : {}),
      ...(route === 'create' || route === 'update' ? { body: refTo(type) } : {}),
      ...(route === 'patch'
        ? {
            consumes: ['application/merge-patch+json', 'application/json'],
            body: { type: 'object', description: 'Fields to change; null removes one.' },
          }
        : {}),
      response: { ...answers(type, route), ...failures(route) },
    },
  };
}

function answers(type: ObjectType, route: ObjectRoute): object {
  switch (route) {
    case 'list':
      return {
        200: {
          description: 'One page.',
          type: 'object',
          required: ['items'],
          properties: { items: { type: 'array', items: refTo(type) }, next_page_token: text },
        },
      };
    case 'create':
      return {
        200: { description: 'It would be created so (dry_run).', ...refTo(type) },
        201: { description: 'It is created; Location says where.', ...refTo(type) },
      };
    case 'delete':
      return { 204: { description: 'It is gone, or would be (dry_run).', type: 'null' } };
    default:
      return { 200: { description: 'The object; ETag is its etag. Secrets are redacted.', ...refTo(type) } };
  }
}

function failures(route: ObjectRoute): object {
  const changes = route !== 'list' && route !== 'get';
  return {
    400: failure('Something is not valid; `problems` says all of it.'),
    401: failure('No token, or a wrong one.'),
    403: failure('The role is too low.'),
    ...(route === 'list' || route === 'create' ? {} : { 404: failure('There is none with that id.') }),
    ...(changes
      ? {
          409: failure('It is taken, in use, or was changed at the same time.'),
          ...(route === 'create' ? {} : { 412: failure('If-Match names an older etag.') }),
          422: failure('A plugin denied it; `violation` says which and why.'),
          503: failure('A plugin that guards it is down.'),
        }
      : {}),
  };
}
