import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { explainPlugin, type ExplainedValue } from '../config/explain.js';
import type { LoadedConfig } from '../config/loaded-config.js';
import type { ConfigLayer } from '../stored-config/config-layer.js';
import { showLeaves, type ShownLeaf } from '../stored-config/describe-entry.js';
import type { ConfigChange } from '../stored-config/leaves.js';
import type { ApiRoutes } from './api.js';

export interface ConfigRoutesParts {
  readonly layer: ConfigLayer;
  /** The configuration in force. */
  readonly loaded: () => LoadedConfig;
  /** Puts what was changed in force here. */
  readonly apply: () => Promise<unknown>;
}

/** What `GET /api/v1/config/plugins/:name` answers. */
interface DescribedEntry {
  readonly name: string;
  /** Of the layer's part; also the ETag. */
  readonly version: number;
  /** The layer's part. */
  readonly set: readonly ShownLeaf[];
  /** Every value in force, with where it came from. */
  readonly effective: readonly ExplainedValue[];
}

type Named = { Params: { name: string } };

const BODY = {
  type: 'object',
  additionalProperties: false,
  minProperties: 1,
  properties: {
    set: { type: 'object' },
    reset: {
      type: 'array',
      maxItems: 1_000,
      items: { type: 'array', maxItems: 64, items: { type: 'string' } },
    },
  },
};

/** What an entry's configuration is, where each value came from, and its change in the store's layer. */
export function configRoutes({ layer, loaded, apply }: ConfigRoutesParts): ApiRoutes {
  const describe = async (name: string): Promise<DescribedEntry> => {
    const { version, leaves } = await layer.get(name);
    const now = loaded();
    const plugin = now.config.plugins.find((entry) => entry.name === name);
    if (plugin === undefined && leaves.length === 0)
      throw new BulkheadError(ErrorCode.NOT_FOUND, `no entry '${name}' is configured`);
    return {
      name,
      version,
      set: showLeaves(leaves, plugin),
      effective: plugin === undefined ? [] : explainPlugin(now, name),
    };
  };
  return (app) => {
    app.get<Named>('/config/plugins/:name', { config: { role: 'admin' } }, async ({ params }, reply) => {
      const described = await describe(params.name);
      return reply.header('etag', `"${described.version}"`).send(described);
    });
    app.patch<Named & { Body: ConfigChange }>(
      '/config/plugins/:name',
      { config: { role: 'admin' }, schema: { body: BODY } },
      async ({ params, body, caller, headers }, reply) => {
        await layer.set(caller.actor, params.name, body, versionOf(headers['if-match']));
        await apply();
        const described = await describe(params.name);
        return reply.header('etag', `"${described.version}"`).send(described);
      },
    );
  };
}

function versionOf(ifMatch: string | undefined): number | undefined {
  if (ifMatch === undefined || ifMatch === '*') return undefined;
  const version = /^"(\d{1,15})"$/.exec(ifMatch)?.[1];
  if (version !== undefined) return Number(version);
  throw new BulkheadError(
    ErrorCode.INVALID_ARGUMENT,
    `If-Match: expected an ETag that this route gave, such as "3", got ${ifMatch}`,
  );
}
