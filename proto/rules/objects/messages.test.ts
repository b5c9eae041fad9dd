import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { App, Datasource, Llm, Tool, User } from '../../gen/bulkhead/host/v1/objects.js';
import type { ObjectType } from '../contributions.js';
import { OBJECT_MESSAGES, type ObjectMessages } from './messages.js';
import { hashCredential, parseObject, reviveObject } from './parse-object.js';
import type { ObjectShapes } from './shapes.js';

const IDENTITY = {
  id: 'one',
  etag: 'e1',
  created_at: '2026-01-02T03:04:05.678Z',
  updated_at: '2026-01-02T03:04:06.789Z',
};

const line = fc.string({ minLength: 1, maxLength: 40 }).filter((text) => text.trim() !== '');
const lines = fc.uniqueArray(line, { maxLength: 4 });
const metadata = fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.jsonValue({ maxDepth: 2 }), {
  maxKeys: 3,
});
const headers = fc.dictionary(
  fc.stringMatching(/^[A-Za-z][A-Za-z-]{0,10}$/),
  fc.stringMatching(/^[ -~]{0,20}$/),
);
const optional = { requiredKeys: [] };
const schema = fc.constantFrom(
  { type: 'object' },
  { type: 'object', properties: { id: { type: 'string' } } },
);
const base = fc.record({ active: fc.boolean(), metadata });

const written: { readonly [Type in ObjectType]: fc.Arbitrary<object> } = {
  llm: fc
    .tuple(
      fc.record({ name: line, slug: fc.stringMatching(/^[a-z0-9]{1,20}$/), vendor: line, models: lines }),
      fc.record(
        { description: line, endpoint: fc.constant('https://x.example/v1'), api_key: line },
        optional,
      ),
      base,
    )
    .map(merge),
  datasource: fc
    .tuple(
      fc.oneof(
        fc.record({ kind: fc.constant('sqlite'), path: fc.constant('/srv/a.db'), read_only: fc.boolean() }),
        fc.record({ kind: fc.constant('postgres'), url: fc.constant('postgres://u:p@h/d') }),
        fc.record({
          kind: fc.constant('http_json'),
          http: fc.record(
            {
              url_template: fc.constant('https://x.example/{id}'),
              method: fc.constantFrom('GET', 'POST'),
              headers,
              rows_pointer: fc.constantFrom('', '/rows'),
              row_schema: schema,
            },
            { requiredKeys: ['url_template'] },
          ),
        }),
      ),
      fc.record({ name: line, max_rows: fc.integer({ min: 1, max: 100 }), timeout_ms: fc.constant(10) }),
      base,
    )
    .map(merge),
  tool: fc
    .tuple(
      fc.record({
        name: line,
        kind: fc.constant('http'),
        headers,
        operations: fc.uniqueArray(
          fc.record(
            {
              name: fc.stringMatching(/^[a-z]{1,10}$/),
              method: fc.constantFrom('GET', 'DELETE'),
              url_template: fc.constant('https://x.example/'),
              input_schema: schema,
              output_schema: schema,
              effect: fc.constantFrom('read_only', 'state_changing'),
              description: line,
            },
            { requiredKeys: ['name', 'method', 'url_template', 'effect'] },
          ),
          { maxLength: 3, selector: ({ name }) => name },
        ),
      }),
      base,
    )
    .map(merge),
  user: fc
    .tuple(
      fc.record({ email: fc.constant('ada@example.com'), groups: lines, roles: lines }),
      fc.record({ name: line, team: line }, optional),
      base,
    )
    .map(merge),
  app: fc
    .tuple(
      fc.record({
        name: line,
        assert_context: fc.boolean(),
        allowed: fc.record({ llms: lines, tools: lines, datasources: lines }),
      }),
      fc.record(
        {
          user_id: line,
          tenant_id: line,
          budget: fc.record({ amount: fc.constant(12.5), period: fc.constantFrom('day', 'month') }),
          rate_limit: fc.record({ requests: fc.constant(7), per: fc.constantFrom('second', 'day') }),
        },
        optional,
      ),
      base,
    )
    .map(merge),
};

function merge(parts: readonly object[]): object {
  return Object.assign({}, ...parts) as object;
}

/** The message after it crossed the wire. */
const CROSS: { readonly [Type in ObjectType]: (message: ObjectMessages[Type]) => ObjectMessages[Type] } = {
  llm: (message) => Llm.decode(Llm.encode(message).finish()),
  datasource: (message) => Datasource.decode(Datasource.encode(message).finish()),
  tool: (message) => Tool.decode(Tool.encode(message).finish()),
  user: (message) => User.decode(User.encode(message).finish()),
  app: (message) => App.decode(App.encode(message).finish()),
};

/** What JSON leaves out where a message has an empty map. */
function tidy(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, item: unknown) =>
      key === 'headers' && typeof item === 'object' && item !== null && Object.keys(item).length === 0
        ? undefined
        : item,
    ),
  );
}

function crosses<Type extends ObjectType>(type: Type, input: object): void {
  const object: ObjectShapes[Type] = parseObject(type, input, IDENTITY);
  const { encode, decode } = OBJECT_MESSAGES[type];
  const message = CROSS[type](encode(object));
  expect(tidy(parseObject(type, decode(message), IDENTITY))).toEqual(tidy(object));
  expect(message.meta).toMatchObject({ etag: 'e1', createdAtMs: 1_767_323_045_678n });
  expect(reviveObject(type, object, IDENTITY)).toEqual(object);
}

describe('an object as a message', () => {
  test.each(['llm', 'datasource', 'tool', 'user', 'app'] as const)(
    'a %s is the same when it comes back',
    (type) => {
      fc.assert(
        fc.property(written[type], (input) => {
          crosses(type, input);
        }),
      );
    },
  );

  test('says nothing of credentials, and takes new keys of an app in', () => {
    const app = parseObject('app', { name: 'a', keys: ['a key of some length'] }, IDENTITY);
    expect(app.key_hashes).toEqual([hashCredential('a key of some length')]);
    const message = OBJECT_MESSAGES.app.encode(app);
    expect(message.keys).toEqual([]);
    expect(OBJECT_MESSAGES.app.decode({ ...message, keys: ['another one'] })['keys']).toEqual([
      'another one',
    ]);
  });

  test('an absent flag is the default, false is false', () => {
    const source = { ...Datasource.create(), name: 's', kind: 'sqlite', path: '/a.db' };
    const parsed = (message: Datasource) =>
      parseObject('datasource', OBJECT_MESSAGES.datasource.decode(message), IDENTITY);
    expect(parsed(source)).toMatchObject({ read_only: true, active: true, max_rows: 1_000 });
    expect(parsed({ ...source, readOnly: false, active: false })).toMatchObject({
      read_only: false,
      active: false,
    });
  });

  test('JSON text that is none is refused with its name', () => {
    const tool = { ...Tool.create(), name: 't', kind: 'http' };
    const operation = { name: 'o', description: '', target: '', method: '', urlTemplate: '', effect: '' };
    expect(() =>
      OBJECT_MESSAGES.tool.decode({
        ...tool,
        operations: [{ ...operation, inputSchemaJson: '[', outputSchemaJson: '' }],
      }),
    ).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', field: 'input_schema' }));
  });
});
