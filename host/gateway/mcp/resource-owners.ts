import { UriTemplate } from '@modelcontextprotocol/server';
import type { JsonObject } from '@bulkhead/proto/json';
import type { Upstream, UpstreamRequest } from '../../upstream/upstream.js';
import { fetchPage } from './lists.js';
import { qualifyUri, splitUri } from './names.js';
import type { Target } from './scope.js';

interface Catalogue {
  readonly uris: ReadonlySet<string>;
  /** Template text to its matcher. */
  readonly templates: ReadonlyMap<string, UriTemplate>;
}

/** Which upstream has a resource. Learnt from their lists, and again after these changed. */
export interface ResourceOwners {
  find(uri: string, request: UpstreamRequest): Promise<Target | undefined>;
  /** The URI or template as the joined endpoint lists it. */
  nameOf(upstream: Upstream, uri: string): string;
  /** Reads the lists that are not known yet. */
  learn(request: UpstreamRequest): Promise<void>;
  /** The upstream's lists may be different now. */
  forget(upstream: Upstream): void;
}

/** Pages of one list that are read to learn owners. */
const MAX_PAGES = 50;
const MAX_URI_CHARS = 8_192;

/** @param upstreams those of now, in configuration order */
export function createResourceOwners(upstreams: () => readonly Upstream[]): ResourceOwners {
  const known = new Map<Upstream, Promise<Catalogue>>();
  const settled = new Map<Upstream, Catalogue>();

  async function learn(request: UpstreamRequest): Promise<void> {
    await Promise.all(
      upstreams().map(async (upstream) => {
        if (upstream.state.kind !== 'ready') return;
        let reading = known.get(upstream);
        if (reading === undefined) {
          // Shared by all who ask meanwhile, so no single caller may cancel it.
          const { signal: _, ...rest } = request;
          reading = readCatalogue(upstream, rest);
          known.set(upstream, reading);
        }
        try {
          const catalogue = await reading;
          if (known.get(upstream) === reading) settled.set(upstream, catalogue);
        } catch {
          known.delete(upstream);
        }
      }),
    );
  }

  /** The first in configuration order has the plain name. */
  function ownerOf(uri: string): Upstream | undefined {
    return upstreams().find((upstream) => {
      const catalogue = settled.get(upstream);
      return catalogue?.uris.has(uri) === true || catalogue?.templates.has(uri) === true;
    });
  }

  return {
    learn,
    forget(upstream) {
      known.delete(upstream);
      if (upstream.state.kind === 'stopped') settled.delete(upstream);
    },
    nameOf(upstream, uri) {
      const owner = ownerOf(uri);
      return owner === undefined || owner === upstream ? uri : qualifyUri(upstream.name, uri);
    },
    async find(uri, request) {
      if (uri.length > MAX_URI_CHARS) return undefined;
      await learn(request);
      const exact = ownerOf(uri);
      if (exact !== undefined) return { upstream: exact, name: uri };
      const qualified = splitUri(upstreams(), uri);
      if (qualified !== undefined) return { upstream: qualified.upstream, name: qualified.uri };
      const byTemplate = upstreams().find((upstream) =>
        [...(settled.get(upstream)?.templates.values() ?? [])].some(
          (template) => template.match(uri) !== null,
        ),
      );
      if (byTemplate !== undefined) return { upstream: byTemplate, name: uri };
      // A resource need not be listed; when only one server has resources at all, it is that one's to refuse.
      const able = upstreams().filter((upstream) => 'resources' in upstream.capabilities);
      const only = able.length === 1 ? able[0] : undefined;
      return only && { upstream: only, name: uri };
    },
  };
}

async function readCatalogue(upstream: Upstream, request: UpstreamRequest): Promise<Catalogue> {
  const [resources, templates] = await Promise.all([
    readAll(upstream, 'resources/list', request),
    readAll(upstream, 'resources/templates/list', request),
  ]);
  const uris = resources.map((item) => item['uri']).filter((uri) => typeof uri === 'string');
  const matchers = new Map<string, UriTemplate>();
  for (const { uriTemplate } of templates as readonly { readonly uriTemplate?: unknown }[]) {
    if (typeof uriTemplate !== 'string') continue;
    try {
      matchers.set(uriTemplate, new UriTemplate(uriTemplate));
    } catch {
      // A template that is none matches nothing; its server still lists it.
    }
  }
  return { uris: new Set(uris), templates: matchers };
}

async function readAll(
  upstream: Upstream,
  method: 'resources/list' | 'resources/templates/list',
  request: UpstreamRequest,
): Promise<readonly JsonObject[]> {
  const items: JsonObject[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < MAX_PAGES; pages += 1) {
    const page = await fetchPage(upstream, method, cursor, request);
    items.push(...page.items);
    cursor = page.nextCursor;
    if (cursor === undefined) break;
  }
  return items;
}
