import type { ObjectType } from '../contributions.js';
import { isPlainObject } from '../payload.js';

type Source = Readonly<Record<string, unknown>>;

/**
 * Where the secrets of an object would be sent that they are not sent to yet; undefined: nowhere. Whoever may change an
 * address without knowing the secret must not learn it by naming an address of their own.
 */
export function newDestination(type: ObjectType, written: object, kept: object): string | undefined {
  const known = destinationsOf(type, { ...kept });
  return destinationsOf(type, { ...written }).find((destination) => !known.includes(destination));
}

function destinationsOf(type: ObjectType, object: Source): readonly string[] {
  switch (type) {
    case 'llm': {
      const { vendor, endpoint } = object;
      return [
        typeof endpoint === 'string' ? originOf(endpoint) : `the usual endpoint of '${String(vendor)}'`,
      ];
    }
    case 'datasource': {
      const { http } = object;
      return isPlainObject(http) ? [originOf(http['url_template'])] : [];
    }
    case 'tool': {
      const { operations } = object;
      return Array.isArray(operations)
        ? operations.filter(isPlainObject).map((operation) => originOf(operation['url_template']))
        : [];
    }
    default:
      return [];
  }
}

/** Scheme, host and port. */
function originOf(url: unknown): string {
  return URL.parse(typeof url === 'string' ? url : '')?.origin ?? String(url);
}
