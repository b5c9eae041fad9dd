import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseJson, stringifyJson, type JsonValue } from '@bulkhead/proto/json';
import { HOOKS, customHookSpec } from '@bulkhead/proto/rules';
import { testDispatcher } from './dispatcher.test-support.js';
import {
  compileFields,
  exceedsSelection,
  extractFields,
  mergeFields,
  type SelectionTree,
} from './field-selection.js';
import { entry, functionPort, modify } from './function-port.test-support.js';

const treeOf = (...pointers: string[]): SelectionTree | true => {
  const tree = compileFields(HOOKS.tool_pre_invoke, pointers)?.get('args');
  if (tree === undefined) throw new Error('no selection');
  return tree;
};
const extract = (text: string, ...pointers: string[]): string =>
  stringifyJson(extractFields(treeOf(...pointers), parseJson(text)));
const merge = (original: string, changed: string, ...pointers: string[]): string =>
  stringifyJson(mergeFields(treeOf(...pointers), parseJson(original), parseJson(changed)));

describe('extracting', () => {
  test('keeps the nesting and leaves everything else out', () => {
    expect(extract('{"a":1,"b":{"c":2,"d":3},"e":[1,2]}', '/b/c')).toBe('{"b":{"c":2}}');
    expect(extract('{"a":1}', '/x/y')).toBe('{}');
    expect(extract('{"a":1,"b":2}', '/b', '/a')).toBe('{"a":1,"b":2}');
  });

  test('keeps the places of list items', () => {
    expect(extract('{"e":[1,2,{"f":3,"g":4}]}', '/e/2/f')).toBe('{"e":[null,null,{"f":3}]}');
  });

  test('* stands for every member or item', () => {
    expect(extract('[{"a":1,"b":2},{"b":3},4]', '/*/a')).toBe('[{"a":1},{},null]');
    expect(extract('{"x":{"a":1},"y":{"a":2,"c":3}}', '/*/a', '/y/c')).toBe(
      '{"x":{"a":1},"y":{"a":2,"c":3}}',
    );
  });

  test('pointers unescape ~0 and ~1', () => {
    expect(extract('{"a/b":1,"c~d":2,"e":3}', '/a~1b', '/c~0d')).toBe('{"a/b":1,"c~d":2}');
  });

  test('a chosen place below a plain value does not exist', () => {
    expect(extract('{"a":"text","b":null}', '/a/b', '/b/c')).toBe('{}');
    expect(extract('"text"', '/a')).toBe('null');
  });
});

describe('merging', () => {
  test('takes over what was set, added or removed at the chosen places', () => {
    expect(merge('{"a":1,"b":{"c":2,"d":3}}', '{"b":{"c":9}}', '/b/c')).toBe('{"a":1,"b":{"c":9,"d":3}}');
    expect(merge('{"a":1,"b":2}', '{}', '/b')).toBe('{"a":1}');
    expect(merge('{"a":1}', '{"b":2}', '/b')).toBe('{"a":1,"b":2}');
    expect(merge('{"l":[1,2,3]}', '{"l":[null,9,null]}', '/l/1')).toBe('{"l":[1,9,3]}');
    expect(merge('{"l":[1,2,3]}', '{"l":[4]}', '/l/*')).toBe('{"l":[4]}');
  });

  test('ignores every other change', () => {
    expect(merge('{"a":1,"b":2}', '{"a":5,"b":6,"z":7}', '/b')).toBe('{"a":1,"b":6}');
    expect(merge('{"a":{"b":1,"c":2}}', '{"a":"gone"}', '/a/b')).toBe('{"a":{"b":1,"c":2}}');
    expect(merge('{"a":[{"b":1},{"b":2}]}', '{"a":[]}', '/a/*/b')).toBe('{"a":[{"b":1},{"b":2}]}');
    expect(merge('"text"', '{"a":1}', '/a')).toBe('"text"');
  });

  test('numbers that a double cannot hold survive on both sides', () => {
    expect(merge('{"big":9007199254740993,"x":10.0,"y":1}', '{"y":2.50}', '/y')).toBe(
      '{"big":9007199254740993,"x":10.0,"y":2.50}',
    );
  });

  test('a member named __proto__ is a member like any other', () => {
    expect(merge('{"__proto__":{"a":1},"b":2}', '{"b":3}', '/b')).toBe('{"__proto__":{"a":1},"b":3}');
    expect(extract('{"__proto__":{"a":1},"b":2}', '/__proto__/a')).toBe('{"__proto__":{"a":1}}');
  });
});

describe('for every value and every set of pointers', () => {
  const key = fc.constantFrom('a', 'b', '0', '1', '*', '__proto__', 'x/y');
  const json = fc.letrec<{ value: JsonValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom<JsonValue>(null, true, 0, 1.5, 'text', ''),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.array(fc.tuple(key, tie('value')), { maxLength: 4 }).map((pairs) => Object.fromEntries(pairs)),
    ),
  })).value;
  const pointers = fc.array(
    fc
      .array(key, { minLength: 1, maxLength: 3 })
      .map((parts) => parts.map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')),
    { minLength: 1, maxLength: 3 },
  );

  test('merging back what was extracted changes nothing', () => {
    fc.assert(
      fc.property(json, pointers, (value, chosen) => {
        const tree = treeOf(...chosen);
        const extracted = extractFields(tree, value);
        const merged = mergeFields(tree, value, extracted);
        expect(stringifyJson(merged)).toBe(stringifyJson(value));
        expect(exceedsSelection(tree, merged, extracted)).toBe(false);
      }),
      { numRuns: 1_000 },
    );
  });

  test('whatever a plugin answers, what it could not see stays as it was', () => {
    fc.assert(
      fc.property(json, json, pointers, (value, answer, chosen) => {
        const tree = treeOf(...chosen);
        const merged = mergeFields(tree, value, answer);
        expect(stringifyJson(hidden(tree, merged))).toBe(stringifyJson(hidden(tree, value)));
      }),
      { numRuns: 1_000 },
    );
  });

  /** The value with every chosen place blanked out. */
  function hidden(tree: SelectionTree | true | undefined, value: JsonValue): unknown {
    if (tree === true) return undefined;
    if (tree === undefined || typeof value !== 'object' || value === null) return value;
    const below = (part: string): SelectionTree | true | undefined => {
      const exact = tree[part];
      const every = tree['*'];
      if (exact === true || every === true) return true;
      if (exact === undefined || every === undefined) return exact ?? every;
      return compileJoin(exact, every);
    };
    if (Array.isArray(value))
      return tree['*'] === true ? [] : value.map((item, i) => hidden(below(String(i)), item) ?? 0);
    return Object.entries(value as Record<string, JsonValue>)
      .map(([name, item]) => [name, hidden(below(name), item)])
      .filter(([, item]) => item !== undefined);
  }

  function compileJoin(one: SelectionTree, other: SelectionTree): SelectionTree | true {
    const joined = new Map<string, SelectionTree | true>(Object.entries(one));
    for (const [part, tree] of Object.entries(other)) {
      const known = joined.get(part);
      joined.set(
        part,
        known === undefined || tree === true ? tree : known === true ? true : compileJoin(known, tree),
      );
    }
    return Object.assign(Object.create(null) as SelectionTree, Object.fromEntries(joined));
  }
});

describe('fields in the pipeline', () => {
  const CALL = { name: 'echo', args: { message: 'hi', secret: 'key', n: 9007199254740993n.toString() } };

  test('the plugin receives and may change only these places', async () => {
    const seen: unknown[] = [];
    const { dispatcher } = testDispatcher([
      entry(
        functionPort('narrow', ({ payload }) => {
          seen.push(payload);
          return modify({ args: { message: 'masked', secret: 'stolen', more: 1 } });
        }),
        'tool_pre_invoke',
        { fields: ['/message'] },
      ),
    ]);
    const result = await dispatcher.invoke('tool_pre_invoke', CALL);
    expect(seen).toEqual([{ name: 'echo', args: { message: 'hi' }, headers: {} }]);
    expect(result.payload).toEqual({ ...CALL, args: { ...CALL.args, message: 'masked' } });
    expect(result.records).toMatchObject([{ changed: ['args'], dropped: ['args'] }]);
  });

  test('* means all of it', async () => {
    const seen: unknown[] = [];
    const { dispatcher } = testDispatcher([
      entry(
        functionPort('all', ({ payload }) => void seen.push(payload['args'])),
        'tool_pre_invoke',
        { fields: ['*'] },
      ),
    ]);
    await dispatcher.invoke('tool_pre_invoke', CALL);
    expect(seen).toEqual([CALL.args]);
  });

  test('on a custom hook a pointer starts with the member, and other members are not sent', async () => {
    const spec = customHookSpec({ name: 'review', members: ['draft', 'notes'] });
    const seen: unknown[] = [];
    const { dispatcher } = testDispatcher(
      [
        entry(
          functionPort(
            'narrow',
            ({ payload }) => {
              seen.push(payload);
              return modify({ draft: { title: 'New', body: 'x' }, notes: 'y' });
            },
            { specs: [spec] },
          ),
          'review',
          { fields: ['/draft/title'] },
        ),
      ],
      {
        customHooks: [{ name: 'review', payload: { type: 'object', properties: { draft: {}, notes: {} } } }],
      },
    );
    const result = await dispatcher.invoke('review', { draft: { title: 'Old', body: 'b' }, notes: 'n' });
    expect(seen).toEqual([{ draft: { title: 'Old' } }]);
    expect(result.payload).toEqual({ draft: { title: 'New', body: 'b' }, notes: 'n' });
    expect(result.records).toMatchObject([{ changed: ['draft'], dropped: ['draft', 'notes'] }]);
  });

  test('a pointer that is none is a configuration error', () => {
    expect(() =>
      testDispatcher([
        entry(
          functionPort('a', () => undefined),
          'tool_pre_invoke',
          { fields: ['message'] },
        ),
      ]),
    ).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });
});
