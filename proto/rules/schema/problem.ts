import type { ErrorCode, Problem } from '../../errors.js';

/** Steps from the root of a document to a value: member names and list indexes. */
export type Keys = readonly (string | number)[];

/** A JSON Schema as data. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** A fault at a place in a document. Whoever has the document's text adds file and line from `keys`. */
export interface SchemaProblem extends Problem {
  readonly keys: Keys;
}

/** What a person should know though it is no fault. */
export interface SchemaNotice {
  /** ALIAS_USED, UNKNOWN_SCHEMA_KEYWORD … */
  readonly code: string;
  readonly message: string;
  readonly keys: Keys;
}

const PLAIN_KEY = /^[A-Za-z_$][\w$-]*$/;

/** `plugins.pii_filter.hooks[0]`; a key with other characters in quotes. Empty for the root. */
export function formatPath(keys: Keys): string {
  let path = '';
  for (const key of keys) {
    if (typeof key === 'number') path += `[${key}]`;
    else if (PLAIN_KEY.test(key)) path += path === '' ? key : `.${key}`;
    else path += `[${JSON.stringify(key)}]`;
  }
  return path;
}

export function problemAt(code: ErrorCode, keys: Keys, message: string): SchemaProblem {
  return keys.length === 0 ? { code, message, keys } : { code, message, path: formatPath(keys), keys };
}
