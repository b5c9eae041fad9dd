import { describe, expect, test } from 'vitest';
import { BulkheadError } from '../../errors.js';
import { OBJECT_TYPES, type ObjectType } from '../contributions.js';
import { checkConfigSchema } from '../schema/check-config.js';
import { schemaFault } from '../schema/schema-fault.js';
import { parseObject } from './parse-object.js';
import { FILTER_FIELDS, OBJECT_SCHEMAS, UNIQUE_FIELD } from './schemas.js';
import { placesOf, templateFault } from './url-template.js';

const IDENTITY = { id: 'one', etag: '', created_at: '', updated_at: '' };

function faults(type: ObjectType, input: unknown): readonly string[] {
  try {
    parseObject(type, input, IDENTITY);
    return [];
  } catch (error) {
    return BulkheadError.from(error).problems.map(({ path, message }) => `${path ?? ''}: ${message}`);
  }
}

const LLM = { name: 'n', slug: 's', vendor: 'v' };
const HTTP = { name: 't', kind: 'http' };
const operation = (change: object) => ({
  ...HTTP,
  operations: [{ name: 'o', method: 'GET', url_template: 'https://x.example/', ...change }],
});

describe('what is wrong with an object', () => {
  test.each<[ObjectType, unknown, string]>([
    ['llm', { ...LLM, slug: 'A b' }, 'slug: expected 1 to 64 lower-case letters'],
    ['llm', { ...LLM, endpoint: 'ftp://x' }, 'endpoint: expected an http:// or https:// URL'],
    ['llm', { ...LLM, endpoint: 'https://u:p@x' }, 'endpoint: expected no user and password'],
    ['llm', { ...LLM, models: ['a'], default_model: 'b' }, "default_model: expected one of 'models'"],
    ['llm', { ...LLM, models: ['a', 'a'] }, "models[1]: 'a' is there twice"],
    ['llm', { ...LLM, vendr: 'x' }, "vendr: unknown key 'vendr'. Did you mean 'vendor'?"],
    ['llm', { name: 'n', slug: 's' }, "vendor: expected the key 'vendor', and it is missing"],
    ['llm', 'text', ': expected an object, got "text"'],
    [
      'llm',
      { ...LLM, metadata: { __proto__x: 1 } },
      "metadata.__proto__x: the name '__proto__x' is reserved",
    ],
    ['datasource', { name: 'd', kind: 'sqlite' }, "path: kind 'sqlite' needs 'path'"],
    ['datasource', { name: 'd', kind: 'sqlite', path: 'a.db' }, 'path: expected an absolute path'],
    [
      'datasource',
      { name: 'd', kind: 'sqlite', path: '/a', url: 'postgres://' },
      "url: kind 'sqlite' takes no 'url'",
    ],
    [
      'datasource',
      { name: 'd', kind: 'postgres', url: 'mysql://u:secret@h' },
      'url: expected a postgres://user:password@host:port/database URL.',
    ],
    ['tool', { name: 't', kind: 'mcp' }, "server: kind 'mcp' needs 'server'"],
    [
      'tool',
      operation({ url_template: 'https://{host}/x' }),
      'url_template: expected places only in the path',
    ],
    ['tool', operation({ url_template: 'https://x/{id' }), 'url_template: expected each { with its }'],
    ['tool', operation({ url_template: 'https://x/{id}' }), '{id} is no property of input_schema'],
    ['tool', operation({ input_schema: { type: 'nothing' } }), 'input_schema: no JSON Schema'],
    ['tool', operation({ method: undefined }), "method: kind 'http' needs 'method'"],
    ['tool', { ...HTTP, operations: [1] }, 'operations[0]: expected a map'],
    ['user', { email: 'x' }, 'email: expected an e-mail address'],
    ['app', { name: 'a', keys: ['short'] }, 'keys[0]: expected a credential of 16 to 4,096 characters'],
    [
      'app',
      { name: 'a', key_hashes: ['sha256:12'] },
      'key_hashes[0]: expected `sha256:` and the hash in hex',
    ],
    [
      'app',
      { name: 'a', rate_limit: { requests: 0, per: 'day' } },
      'rate_limit.requests: expected a number >= 1',
    ],
  ])('%s: %j', (type, input, message) => {
    expect(faults(type, input).join('\n')).toContain(message);
  });

  test('never shows a secret', () => {
    const told = [
      faults('app', { name: 'a', keys: ['secret'], key_hashes: ['secret'] }),
      faults('llm', { ...LLM, api_key: ['secret'] }),
      faults('datasource', { name: 'd', kind: 'postgres', url: 'mysql://secret' }),
      faults('tool', { ...HTTP, headers: { a: 'secret\n' } }),
    ].flat();
    expect(told.length).toBeGreaterThan(4);
    expect(told.join()).not.toContain('secret');
  });

  test('what nests deep or is large is refused', () => {
    let deep: unknown = {};
    for (let n = 0; n < 100_000; n += 1) deep = { a: deep };
    expect(faults('llm', { ...LLM, metadata: deep })[0]).toContain('levels deep');
    expect(faults('llm', { ...LLM, metadata: { a: 'x'.repeat(600_000) } })[0]).toContain('at most');
  });
});

test('the schemas are schemas without keywords that nothing knows, and filters name their fields', () => {
  for (const type of OBJECT_TYPES) {
    const schema = OBJECT_SCHEMAS[type];
    expect(checkConfigSchema(schema)).toEqual({ problems: [], notices: [] });
    const fields = Object.keys(schema['properties'] ?? {});
    expect(fields).toEqual(expect.arrayContaining([...FILTER_FIELDS[type]]));
    const unique = UNIQUE_FIELD[type];
    if (unique !== undefined) expect(FILTER_FIELDS[type]).toContain(unique);
  }
});

test('a schema is judged alone: one leaves nothing behind for the next', () => {
  expect(schemaFault({ $id: 'https://x.example/a', type: 'object' })).toBeUndefined();
  expect(schemaFault({ $id: 'https://x.example/a', type: 'string' })).toBeUndefined();
  expect(schemaFault({ $ref: 'https://x.example/a' })).toContain("can't resolve reference");
  expect(schemaFault({ properties: { a: { $id: 'https://x.example/b' } } })).toContain("'$id'");
  expect(schemaFault({ properties: { $id: { type: 'string' } } })).toBeUndefined();
  expect(schemaFault({ pattern: '(' })).toBeDefined();
  expect(schemaFault({ description: 'x'.repeat(70_000) })).toContain('at most');
  for (const draft of [
    'http://json-schema.org/draft-07/schema#',
    'https://json-schema.org/draft/2019-09/schema',
  ])
    expect(schemaFault({ $schema: draft, type: 'object', definitions: { a: {} } })).toBeUndefined();
  expect(schemaFault({ $schema: 'https://x.example/' })).toContain('$schema');
});

test('the places of a URL template', () => {
  expect(placesOf('https://x/{a}/{b}?q={a}')).toEqual(['a', 'b']);
  expect(templateFault('https://x/{a}/{b}?q={a}')).toBeUndefined();
  expect(templateFault('https://x/{a b}')).toContain('{a b}');
  expect(templateFault('file:///{a}')).toContain('http');
});
