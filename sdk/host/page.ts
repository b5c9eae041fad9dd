/** One page of a list. */
export interface Page<Item> {
  readonly items: readonly Item[];
  /** For the next page; undefined on the last one. */
  readonly nextPageToken: string | undefined;
}

export interface PageOptions {
  /** At most 1,000. Default: 100. */
  readonly pageSize?: number;
  /** From the page before. */
  readonly pageToken?: string;
}

export function toPage<Item>(items: readonly Item[], nextPageToken: string): Page<Item> {
  return { items, nextPageToken: nextPageToken === '' ? undefined : nextPageToken };
}

/** Every item of every page, a page at a time. */
export async function* allPages<Item, Options extends PageOptions>(
  list: (options: Options) => Promise<Page<Item>>,
  options: Options,
): AsyncGenerator<Item, void, undefined> {
  let page = await list(options);
  yield* page.items;
  while (page.nextPageToken !== undefined) {
    page = await list({ ...options, pageToken: page.nextPageToken });
    yield* page.items;
  }
}
