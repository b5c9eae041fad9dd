import { BulkheadError, ErrorCode } from '@bulkhead/proto';

const MAX_PAGE_SIZE = 1_000;
const DEFAULT_PAGE_SIZE = 100;

export interface TwinPage<Item> {
  readonly items: readonly Item[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

/**
 * The page after a token. A page begins after the last item of the one before, so that what comes and goes meanwhile shifts
 * nothing.
 *
 * @param items in the order of `compare`
 * @throws BulkheadError INVALID_ARGUMENT
 */
export function pageOf<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
  pageSize: number,
  pageToken: string,
  compare: (a: string, b: string) => number,
): TwinPage<Item> {
  if (pageSize > MAX_PAGE_SIZE) {
    throw invalid('page_size', `expected at most ${MAX_PAGE_SIZE} page_size, got ${pageSize}`);
  }
  const after = fromToken(pageToken);
  const rest = after === '' ? items : items.filter((item) => compare(keyOf(item), after) > 0);
  const page = rest.slice(0, pageSize || DEFAULT_PAGE_SIZE);
  const last = page.at(-1);
  const more = rest.length > page.length && last !== undefined;
  return { items: page, nextPageToken: more ? toToken(keyOf(last)) : '' };
}

function toToken(position: string): string {
  return Buffer.from(position).toString('base64url');
}

function fromToken(token: string): string {
  const position = Buffer.from(token, 'base64url').toString();
  if (toToken(position) === token) return position;
  throw invalid('page_token', 'expected the page token of the answer before, or none for the first page');
}

/** In the order of UTF-16 units. */
export function byText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

export function invalid(field: string, message: string): BulkheadError {
  return new BulkheadError(ErrorCode.INVALID_ARGUMENT, message, { field });
}
