import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { isRawNumber, type JsonObject, type JsonValue } from '@bulkhead/proto/json';

const PLACE = /\{([A-Za-z_][A-Za-z0-9_]*)\}/g;

/** The names of a template's places, each once. */
export function placesOf(template: string): readonly string[] {
  return [...new Set([...template.matchAll(PLACE)].map(([, name = '']) => name))];
}

/**
 * Fills the `{name}` places of a URL, each value percent-encoded whole, so that it stays one part of the path or one value
 * of the query. Where the request goes is the template's alone: scheme, host and port have no places.
 *
 * @throws INVALID_ARGUMENT
 */
export function fillUrl(template: string, values: JsonObject): URL {
  const url = parse(
    template.replace(PLACE, (_place, name: string, offset: number) =>
      encode(name, values[name], !/[?#]/.test(template.slice(0, offset))),
    ),
  );
  // What a place stands for cannot be known here; that the origin does not hang on it can.
  const bare = parse(template.replace(PLACE, '0'));
  if (url.origin !== bare.origin || url.username !== bare.username || url.password !== bare.password)
    throw invalid('a place in scheme, host or port is not filled');
  return url;
}

function parse(text: string): URL {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw invalid(`expected an http or https URL, got '${text.slice(0, 200)}'`);
  return url;
}

function encode(name: string, value: JsonValue | undefined, inPath: boolean): string {
  if (typeof value === 'string') {
    // A part of a path that is dots alone would be taken for a way up, an empty one for the list above.
    if (/^\.{1,2}$/.test(value) || (inPath && value === '') || !value.isWellFormed())
      throw invalid(`'${value}' cannot be filled in for {${name}}`, name);
    return encodeURIComponent(value);
  }
  if (typeof value === 'number' || typeof value === 'boolean') return encodeURIComponent(String(value));
  if (isRawNumber(value)) return encodeURIComponent(value.rawJSON);
  throw invalid(
    `expected a text, number, true or false for {${name}}, got ${value === undefined ? 'nothing' : 'something else'}`,
    name,
  );
}

function invalid(message: string, field = 'url_template'): BulkheadError {
  return new BulkheadError(ErrorCode.INVALID_ARGUMENT, `${field}: ${message}`, { field });
}
