/** Where a page of a list begins, and how long it is. */
export interface PageQuery {
  /** 0 is the list's default. */
  readonly page_size: number;
  readonly page_token: string;
}

const MAX_PAGE_SIZE = 1_000;
const MAX_TOKEN_CHARS = 1_000;

/** The schema of a query with a page and these parameters. */
export function pageQuery(properties: Readonly<Record<string, object>> = {}): object {
  return {
    type: 'object',
    additionalProperties: false,
    properties: {
      page_size: { type: 'integer', minimum: 0, maximum: MAX_PAGE_SIZE, default: 0 },
      page_token: { type: 'string', maxLength: MAX_TOKEN_CHARS, default: '' },
      ...properties,
    },
  };
}
