import type { JsonObject } from '@bulkhead/proto/json';
import { RpcCode, RpcError } from '../../upstream/rpc-error.js';
import type { Upstream, UpstreamRequest } from '../../upstream/upstream.js';
import { fetchPage, LISTS, type ListMethod, type Page } from './lists.js';

/** A joined page is closed once it has so many items; many clients read the first page only. */
const PAGE_ITEMS = 1_000;
/** Pages of one upstream in one joined page; an upstream that never ends its list does not hold the client. */
const MAX_PAGES = 50;

/** Where a joined list goes on. */
interface Position {
  readonly server: string;
  readonly cursor?: string;
}

export interface JoinedListOptions {
  readonly upstreams: readonly Upstream[];
  /** What the first page begins with, besides what upstreams have. */
  readonly first?: readonly JsonObject[];
  readonly request: UpstreamRequest;
  /** Renames an upstream's item; undefined leaves it out. */
  readonly rename: (upstream: Upstream, item: JsonObject) => JsonObject | undefined;
  /** An upstream that does not answer is left out of this list. */
  readonly onSkip: (upstream: Upstream, error: unknown) => void;
}

/** The lists of all upstreams as one, in configuration order. */
export async function joinedList(
  method: ListMethod,
  cursor: string | undefined,
  options: JoinedListOptions,
): Promise<JsonObject> {
  const start = cursor === undefined ? undefined : parseCursor(cursor, options.upstreams);
  const from = start === undefined ? 0 : options.upstreams.findIndex(({ name }) => name === start.server);
  const upstreams = options.upstreams.slice(from).filter(({ state }) => state.kind === 'ready');
  const pageOf = (upstream: Upstream, at: string | undefined): Promise<Page> =>
    fetchPage(upstream, method, at, options.request).catch((error: unknown) => {
      options.onSkip(upstream, error);
      return { items: [] };
    });
  const cursorOf = ({ name }: Upstream): string | undefined =>
    name === start?.server ? start.cursor : undefined;
  // All first pages at once; they are used in order.
  const first = upstreams.map((upstream) => pageOf(upstream, cursorOf(upstream)));
  const items: JsonObject[] = start === undefined ? [...(options.first ?? [])] : [];
  for (const [index, upstream] of upstreams.entries()) {
    if (items.length >= PAGE_ITEMS) return answer(method, items, { server: upstream.name });
    let page: Page = (await first[index]) ?? { items: [] };
    const seen = new Set([cursorOf(upstream)]);
    for (let pages = 1; ; pages += 1) {
      for (const item of page.items) {
        const renamed = options.rename(upstream, item);
        if (renamed !== undefined) items.push(renamed);
      }
      const next = page.nextCursor;
      // A cursor that comes again would lead round in a circle, and past no other server's items.
      if (next === undefined || seen.has(next)) break;
      seen.add(next);
      if (items.length >= PAGE_ITEMS || pages >= MAX_PAGES) {
        return answer(method, items, { server: upstream.name, cursor: next });
      }
      page = await pageOf(upstream, next);
    }
  }
  return answer(method, items, undefined);
}

function answer(method: ListMethod, items: readonly JsonObject[], next: Position | undefined): JsonObject {
  const nextCursor = next === undefined ? {} : { nextCursor: formatCursor(next) };
  return { [LISTS[method].items]: items, ...nextCursor };
}

function formatCursor(position: Position): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url');
}

function parseCursor(text: string, upstreams: readonly Upstream[]): Position {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    if (
      typeof value === 'object' &&
      value !== null &&
      'server' in value &&
      typeof value.server === 'string'
    ) {
      const { server } = value;
      if (upstreams.some(({ name }) => name === server)) {
        return 'cursor' in value && typeof value.cursor === 'string'
          ? { server, cursor: value.cursor }
          : { server };
      }
    }
  } catch {
    // Said below.
  }
  throw new RpcError(
    RpcCode.INVALID_PARAMS,
    'the cursor is not one that this endpoint gave; list again from the start',
  );
}
