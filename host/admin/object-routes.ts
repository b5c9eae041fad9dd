import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { FILTER_FIELDS, redactObject, type ObjectShapes, type ObjectType } from '@bulkhead/proto/rules';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ListQuery, ObjectCollection, Objects, WriteQuery } from '../objects/objects.js';
import type { ApiRoutes } from './api.js';
import type { Role } from './roles.js';
import { mergePatch } from './merge-patch.js';
import { documentObjects, documented, type ObjectRoute } from './object-route-docs.js';

type Query = Readonly<Record<string, string | readonly string[] | undefined>>;
type Asked = FastifyRequest<{ Params: { id: string }; Querystring: Query }>;

/** Where the objects of a type are, below `/api/v1`, and who may change them. Whoever reads sees no secret. */
export const OBJECT_PATHS: Readonly<Record<ObjectType, { readonly path: string; readonly write: Role }>> = {
  llm: { path: '/llms', write: 'operator' },
  datasource: { path: '/datasources', write: 'operator' },
  tool: { path: '/tools', write: 'operator' },
  user: { path: '/users', write: 'admin' },
  app: { path: '/apps', write: 'admin' },
};

const MAX_BODY_BYTES = 1024 * 1024;
const MERGE_PATCH = 'application/merge-patch+json';

/** `/api/v1/{llms,datasources,tools,users,apps}`. */
export function createObjectRoutes(objects: Objects): ApiRoutes {
  return (api) => {
    documentObjects(api);
    api.addContentTypeParser(MERGE_PATCH, { parseAs: 'string' }, api.getDefaultJsonParser('error', 'error'));
    addRoutes(api, 'llm', objects.llm);
    addRoutes(api, 'datasource', objects.datasource);
    addRoutes(api, 'tool', objects.tool);
    addRoutes(api, 'user', objects.user);
    addRoutes(api, 'app', objects.app);
  };
}

function addRoutes<Type extends ObjectType>(
  api: FastifyInstance,
  type: Type,
  collection: ObjectCollection<ObjectShapes[Type]>,
): void {
  const { path, write } = OBJECT_PATHS[type];
  const route = (kind: ObjectRoute) => ({
    config: { role: kind === 'list' || kind === 'get' ? ('viewer' as const) : write },
    bodyLimit: MAX_BODY_BYTES,
    ...documented(type, kind),
  });
  const answer = (reply: FastifyReply, object: ObjectShapes[Type], dryRun = false): object => {
    if (!dryRun) void reply.header('etag', `"${object.etag}"`);
    return redactObject(type, object);
  };

  api.get<{ Querystring: Query }>(path, route('list'), async ({ query }) => {
    const { items, nextPageToken } = await collection.list(listQuery(type, query));
    return {
      items: items.map((object) => redactObject(type, object)),
      ...(nextPageToken === undefined ? {} : { next_page_token: nextPageToken }),
    };
  });
  api.get<{ Params: { id: string } }>(`${path}/:id`, route('get'), async ({ params }, reply) =>
    answer(reply, await collection.get(params.id)),
  );
  api.post<{ Querystring: Query }>(path, route('create'), async (request, reply) => {
    const query = writeQuery(request.query, undefined);
    const { caller, body } = request;
    const created = await collection.create(caller.actor, body, query);
    if (query.dryRun === true) return answer(reply, created, true);
    void reply.code(201).header('location', `/api/v1${path}/${encodeURIComponent(created.id)}`);
    return answer(reply, created);
  });
  const change = async (
    request: Asked,
    reply: FastifyReply,
    make: (shown: ObjectShapes[Type]) => unknown,
  ): Promise<object> => {
    const query = writeQuery(request.query, request.headers['if-match']);
    const changed = await collection.change(request.caller.actor, request.params.id, make, query);
    return answer(reply, changed, query.dryRun);
  };
  api.put<{ Params: { id: string }; Querystring: Query }>(
    `${path}/:id`,
    route('update'),
    async (request, reply) => change(request, reply, () => request.body),
  );
  api.patch<{ Params: { id: string }; Querystring: Query }>(
    `${path}/:id`,
    route('patch'),
    async (request, reply) => change(request, reply, (shown) => mergePatch(shown, request.body)),
  );
  api.delete<{ Params: { id: string }; Querystring: Query }>(
    `${path}/:id`,
    route('delete'),
    async (request, reply) => {
      const query = writeQuery(request.query, request.headers['if-match']);
      await collection.delete(request.caller.actor, request.params.id, query);
      return reply.code(204).send();
    },
  );
}

/** @throws BulkheadError INVALID_ARGUMENT for a parameter that is none */
function listQuery(type: ObjectType, query: Query): ListQuery {
  const filter: Record<string, string> = {};
  let paging: Pick<ListQuery, 'pageSize' | 'pageToken'> = {};
  for (const [name, value] of Object.entries(query)) {
    if (typeof value !== 'string') throw wrongParameter(name, 'one value', 'several');
    if (name === 'page_size') paging = { ...paging, pageSize: Number(value) };
    else if (name === 'page_token') paging = { ...paging, pageToken: value };
    else if (FILTER_FIELDS[type].includes(name)) filter[name] = value;
    else {
      const known = ['page_size', 'page_token', ...FILTER_FIELDS[type]].join(', ');
      throw wrongParameter(name, `one of ${known}`, 'another one');
    }
  }
  return { filter, ...paging };
}

/** @throws BulkheadError INVALID_ARGUMENT for a parameter or a header that is none */
function writeQuery(query: Query, ifMatch: string | undefined): WriteQuery {
  for (const name of Object.keys(query))
    if (name !== 'dry_run') throw wrongParameter(name, 'dry_run', 'another one');
  const { dry_run: dryRun = 'false' } = query;
  if (dryRun !== 'true' && dryRun !== 'false')
    throw wrongParameter('dry_run', 'true or false', JSON.stringify(dryRun));
  const etag = ifMatch === undefined || ifMatch.trim() === '*' ? undefined : readEtag(ifMatch);
  return { dryRun: dryRun === 'true', ...(etag === undefined ? {} : { ifMatch: etag }) };
}

function readEtag(ifMatch: string): string {
  const etag = /^\s*"([^"]*)"\s*$/.exec(ifMatch)?.[1];
  if (etag !== undefined) return etag;
  throw wrongParameter(
    'If-Match',
    'one etag in quotes, as ETag gave it',
    JSON.stringify(ifMatch.slice(0, 100)),
  );
}

function wrongParameter(name: string, expected: string, got: string): BulkheadError {
  return new BulkheadError(ErrorCode.INVALID_ARGUMENT, `${name}: expected ${expected}, got ${got}`, {
    field: name,
  });
}
