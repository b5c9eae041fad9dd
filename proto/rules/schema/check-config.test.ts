import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkConfig, checkConfigSchema, runConfigCheck } from './check-config.js';
import type { JsonSchema } from './problem.js';

function problemsOf(schema: JsonSchema | undefined, config: unknown): readonly string[] {
  const checked = checkConfig(schema, config);
  return checked.ok ? [] : checked.problems.map((problem) => `${problem.path ?? ''}: ${problem.message}`);
}

function configOf(schema: JsonSchema | undefined, config: unknown) {
  const checked = checkConfig(schema, config);
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  return checked.config;
}

describe('checkConfig', () => {
  it('fills in defaults at every depth and leaves its input alone', () => {
    const schema = {
      type: 'object',
      properties: {
        a: { type: 'integer', default: 1 },
        b: {
          type: 'object',
          default: {},
          properties: { c: { type: 'string', default: 'x' }, d: { type: 'integer' } },
        },
        list: {
          type: 'array',
          items: { type: 'object', properties: { on: { type: 'boolean', default: true } } },
        },
      },
    };
    const given = { b: { d: 3 }, list: [{}] };
    expect(configOf(schema, given)).toEqual({ a: 1, b: { c: 'x', d: 3 }, list: [{ on: true }] });
    expect(given).toEqual({ b: { d: 3 }, list: [{}] });
    expect(runConfigCheck(schema, {}).defaults).toEqual({ a: 1, b: { c: 'x' } });
  });

  it('merges a default map under what is given', () => {
    const schema = {
      properties: {
        limits: {
          type: 'object',
          default: { a: 1, b: 2 },
          properties: { a: { type: 'integer' }, b: { type: 'integer' } },
        },
      },
    };
    expect(configOf(schema, { limits: { b: 5 } })).toEqual({ limits: { a: 1, b: 5 } });
  });

  it('does not fill in a default that was removed', () => {
    const schema = {
      properties: {
        a: { type: 'integer', default: 1 },
        b: { type: 'object', default: { c: 1 }, properties: { c: { type: 'integer' } } },
      },
    };
    const checked = checkConfig(schema, {}, { removed: [['a'], ['b', 'c']] });
    expect(checked).toEqual({ ok: true, config: { b: {} } });
  });

  it('refuses unknown keys and names the nearest known one', () => {
    const schema = { type: 'object', properties: { allowed_tools: { type: 'array' } } };
    expect(problemsOf(schema, { allowedTools: [] })).toEqual([
      "allowedTools: unknown key 'allowedTools'. Did you mean 'allowed_tools'?",
    ]);
    expect(problemsOf(undefined, { a: 1 })).toEqual(["a: unknown key 'a'; no key is allowed here."]);
  });

  it('tells all faults at once with what was expected and what came', () => {
    const schema = {
      required: ['key'],
      properties: {
        key: { type: 'string' },
        n: { type: 'integer', maximum: 10 },
        url: { type: 'string', format: 'uri' },
        mode: { enum: ['redact', 'block'] },
      },
    };
    expect(problemsOf(schema, { n: 11, url: 'no', mode: 'blok' })).toEqual([
      "key: expected the key 'key', and it is missing.",
      'n: expected a number <= 10, got number 11.',
      'url: expected text in the format \'uri\', got "no".',
      'mode: expected one of redact, block, got "blok". Did you mean \'block\'?',
    ]);
  });

  it.each([
    [
      'https://json-schema.org/draft/2020-12/schema',
      { prefixItems: [{ type: 'string' }], items: { type: 'integer' } },
    ],
    [
      'https://json-schema.org/draft/2019-09/schema',
      { items: [{ type: 'string' }], additionalItems: { type: 'integer' } },
    ],
    [
      'http://json-schema.org/draft-07/schema#',
      { items: [{ type: 'string' }], additionalItems: { type: 'integer' } },
    ],
  ])('follows the rules of %s', ($schema, list) => {
    const schema = { $schema, type: 'object', properties: { pair: { type: 'array', ...list } } };
    expect(problemsOf(schema, { pair: ['a', 1] })).toEqual([]);
    expect(problemsOf(schema, { pair: [1, 1] })).toHaveLength(1);
    expect(problemsOf(schema, { pair: ['a', 'b'] })).toHaveLength(1);
    expect(problemsOf(schema, { pear: [] })).toEqual(["pear: unknown key 'pear'. Did you mean 'pair'?"]);
  });

  it('knows definitions, dependencies and if of draft-07', () => {
    const schema = {
      $schema: 'http://json-schema.org/draft-07/schema',
      definitions: { name: { type: 'string', minLength: 2 } },
      properties: { a: { $ref: '#/definitions/name' }, b: { type: 'string' } },
      dependencies: { a: ['b'] },
      if: { not: { properties: { a: { const: 'xx' } }, required: ['a'] } },
      else: { properties: { b: { const: 'yy' } } },
    };
    expect(problemsOf(schema, { a: 'xx', b: 'yy' })).toEqual([]);
    expect(problemsOf(schema, { a: 'xx', b: 'zz' })).toHaveLength(1);
    expect(problemsOf(schema, { a: 'ab' })).toEqual([
      "b: expected the key 'b' when 'a' is given, and it is missing.",
    ]);
    expect(problemsOf(schema, { a: 'a', b: '' })).toEqual(['a: expected at least 2 characters, got "a".']);
  });

  describe('unknown keys', () => {
    const inner = { type: 'object', properties: { known: { type: 'string' } } };

    it.each<[string, JsonSchema, unknown, boolean]>([
      ['are refused in a nested object', { properties: { a: inner } }, { a: { other: 1 } }, false],
      [
        'are refused in items',
        { properties: { a: { type: 'array', items: inner } } },
        { a: [{ other: 1 }] },
        false,
      ],
      [
        'are refused behind a reference',
        { $defs: { i: inner }, properties: { a: { $ref: '#/$defs/i' } } },
        { a: { other: 1 } },
        false,
      ],
      [
        'are refused beside allOf',
        { allOf: [inner], properties: { b: { type: 'string' } } },
        { other: 1 },
        false,
      ],
      [
        'known to a part of allOf are taken',
        { allOf: [inner], properties: { b: { type: 'string' } } },
        { known: 'x', b: 'y' },
        true,
      ],
      [
        'known to the branch that fits are taken',
        {
          oneOf: [
            { required: ['a'], properties: { a: true } },
            { required: ['b'], properties: { b: true } },
          ],
        },
        { b: 1 },
        true,
      ],
      [
        'of another branch are refused',
        {
          oneOf: [
            { required: ['a'], properties: { a: true } },
            { required: ['b'], properties: { b: true, c: true } },
          ],
        },
        { a: 1, c: 1 },
        false,
      ],
      ['are taken where the schema says so', { additionalProperties: true }, { other: 1 }, true],
      [
        'are taken in a free map',
        { properties: { labels: { type: 'object' } } },
        { labels: { other: 1 } },
        true,
      ],
      ['are taken by a schema for them', { additionalProperties: { type: 'string' } }, { other: 'x' }, true],
      ['that fit a pattern are taken', { patternProperties: { '^x-': true } }, { 'x-a': 1 }, true],
      ['that fit no pattern are refused', { patternProperties: { '^x-': true } }, { y: 1 }, false],
    ])('%s', (_name, schema, config, taken) => {
      expect(problemsOf(schema, config).length === 0).toBe(taken);
    });

    it('are found in a schema that refers to itself', () => {
      const schema = {
        properties: { name: { type: 'string' }, children: { type: 'array', items: { $ref: '#' } } },
      };
      expect(problemsOf(schema, { children: [{ name: 'a', children: [] }] })).toEqual([]);
      expect(problemsOf(schema, { children: [{ nam: 'a' }] }).length).toBeGreaterThan(0);
    });
  });

  it('puts the prefix before each place', () => {
    const checked = checkConfig(
      { properties: { a: { type: 'string' } } },
      { a: 1 },
      { prefix: ['plugins', 'x', 'config'] },
    );
    expect(checked).toMatchObject({
      problems: [{ path: 'plugins.x.config.a', keys: ['plugins', 'x', 'config', 'a'] }],
    });
  });

  it('does not show a value that must not be seen', () => {
    const checked = checkConfig(
      { properties: { a: { type: 'integer' } } },
      { a: 's3cret' },
      { describeValue: () => 'the value of ${env:A}' },
    );
    expect(JSON.stringify(checked)).not.toContain('s3cret');
  });

  it('gives a problem, never an exception, for any schema and value', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.constantFrom('type', 'properties', 'allOf', '$ref', 'default', 'items', '$schema', 'required'),
          fc.jsonValue(),
        ),
        fc.jsonValue(),
        (schema, value) => {
          const usable = checkConfigSchema(schema).problems.length === 0;
          const checked = checkConfig(schema, value);
          expect(checked.ok || checked.problems.length > 0).toBe(true);
          if (!usable && checked.ok) expect(schema['type']).not.toBe('object');
        },
      ),
      { numRuns: 200 },
    );
  });

  it('gives the same answer when its own answer is checked again', () => {
    const schema = {
      properties: {
        a: { type: 'integer', default: 1 },
        b: { type: 'object', default: {}, properties: { c: { type: 'string', default: 'x' } } },
      },
    };
    const config = fc.record(
      { a: fc.integer(), b: fc.record({ c: fc.string() }, { requiredKeys: [] }) },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(config, (given) => {
        const once = configOf(schema, given);
        expect(configOf(schema, once)).toEqual(once);
        expect(once).toMatchObject(given);
      }),
    );
  });
});

it('ends a check whose pattern backtracks, and does not try its schema again', () => {
  const schema = { type: 'object', properties: { a: { type: 'string', pattern: '^(a+)+$' } } };
  const config = { a: `${'a'.repeat(40)}!` };
  for (let times = 0; times < 2; times += 1) {
    const checked = checkConfig(schema, config);
    expect(checked.ok ? [] : checked.problems.map(({ message }) => message)).toEqual([
      expect.stringContaining('took longer than'),
    ]);
  }
});
