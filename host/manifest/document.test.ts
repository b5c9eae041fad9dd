import fc from 'fast-check';
import { stringify } from 'yaml';
import { describe, expect, it } from 'vitest';
import { parseDocumentText } from './document.js';
import { originAt, treeAt, treeFromValue, valueOf, type SourceTree } from './source-tree.js';

function parse(text: string, file = 'a.yaml') {
  return parseDocumentText(text, { file, layer: 'test', code: 'CONFIG_INVALID' });
}

function tree(text: string, file = 'a.yaml'): SourceTree {
  const parsed = parse(text, file);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.tree;
}

function problem(text: string, file = 'a.yaml'): string {
  const parsed = parse(text, file);
  return parsed.ok ? '' : parsed.problems.map(({ line, message }) => `${line ?? '?'} ${message}`).join('\n');
}

describe('parseDocumentText', () => {
  it('knows the line of every member and item', () => {
    const found = tree('a: 1\nb:\n  c: x\n  d:\n    - one\n    - e: 2\n');
    const lines = [
      ['a'],
      ['b'],
      ['b', 'c'],
      ['b', 'd'],
      ['b', 'd', 0],
      ['b', 'd', 1],
      ['b', 'd', 1, 'e'],
    ].map((keys) => originAt(found, keys).line);
    expect(lines).toEqual([1, 2, 3, 4, 5, 6, 6]);
    expect(originAt(found, ['b', 'missing', 'x']).line).toBe(2);
  });

  it('knows the lines of JSON too', () => {
    const found = tree('{\n  "a": {\n    "b": [\n      1\n    ]\n  }\n}\n', 'a.json');
    expect(originAt(found, ['a', 'b', 0])).toEqual({ layer: 'test', file: 'a.json', line: 4 });
  });

  it('takes an empty file for an empty map', () => {
    for (const text of ['', '# only a comment\n', '---\n', '\uFEFF']) expect(valueOf(tree(text))).toEqual({});
  });

  it('keeps dates and percentages as text', () => {
    expect(valueOf(tree('a: 2026-01-15\nb: 87%\nc: yes\n'))).toEqual({ a: '2026-01-15', b: '87%', c: 'yes' });
  });

  it.each([
    ['a key twice', 'a: 1\nb: 2\na: 3\n', /^3 .*unique/i],
    ['broken indentation', 'a:\n  b: 1\n c: 2\n', /^3 /],
    ['a tag of its own', 'a: 1\nb: !!js/function x\n', /^2 .*tag/i],
    ['two documents', 'a: 1\n---\nb: 2\n', /^\d .*document/i],
    ['no number', 'a: 1\nb: .nan\n', /^2 expected text, a number/],
    ['an alias without its anchor', 'a: *b\n', /^1 .*alias/i],
    ['a merge key', 'a: &x {b: 1}\nc:\n  <<: *x\n', /^3 merge keys/],
  ])('refuses %s, with the line', (_name, text, expected) => {
    expect(problem(text)).toMatch(expected);
  });

  it('follows aliases, and refuses those that blow up', () => {
    expect(valueOf(tree('a: &x [1, 2]\nb: *x\n'))).toEqual({ a: [1, 2], b: [1, 2] });
    const levels = Array.from(
      { length: 12 },
      (_, level) =>
        `l${level}: &l${level} [${Array(10)
          .fill(level === 0 ? 'x' : `*l${level - 1}`)
          .join(', ')}]`,
    );
    expect(problem(levels.join('\n'))).toContain('expected at most 100000 values');
  });

  it('refuses an alias to what it stands in', () => {
    expect(problem('a: &a\n  b: *a\n')).not.toBe('');
  });

  it('refuses what nests without end', () => {
    expect(problem(`a: ${'['.repeat(200)}${']'.repeat(200)}`)).toContain('levels');
  });

  it('refuses YAML in a file that says it is JSON', () => {
    expect(problem('{"a": 1,\n "b": 2,\n}', 'a.json')).toMatch(/^3 expected JSON/);
  });

  it('keeps a key named __proto__ as data', () => {
    const value = valueOf(tree('__proto__:\n  polluted: true\n'));
    expect(Object.keys(value as object)).toEqual(['__proto__']);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it('reads back whatever YAML can say', () => {
    const leaf = fc.oneof(
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.double({ noNaN: true, noDefaultInfinity: true }).filter((n) => !Object.is(n, -0)),
    );
    const value = fc.dictionary(
      fc.string().filter((key) => key !== '<<' && key !== '__proto__'),
      fc.letrec((tie) => ({
        any: fc.oneof(
          { maxDepth: 3 },
          leaf,
          fc.array(tie('any'), { maxLength: 3 }),
          fc.dictionary(
            fc.string().filter((key) => key !== '<<' && key !== '__proto__'),
            tie('any'),
            { maxKeys: 3 },
          ),
        ),
      })).any,
      { maxKeys: 4, noNullPrototype: true },
    );
    fc.assert(
      fc.property(value, (given) => {
        const plain: unknown = JSON.parse(JSON.stringify(given));
        expect(valueOf(tree(stringify(plain)))).toEqual(plain);
        expect(valueOf(tree(JSON.stringify(plain, null, 1), 'a.json'))).toEqual(plain);
      }),
    );
  });
});

describe('treeFromValue', () => {
  it('leaves out what is undefined and refuses what is no JSON', () => {
    const origin = { layer: 'object' };
    expect(valueOf(treeFromValue({ a: undefined, b: [1] }, origin))).toEqual({ b: [1] });
    expect(() => treeFromValue({ a: () => 1 }, origin)).toThrow(/expected a JSON value/);
    expect(() => treeFromValue({ a: Number.NaN }, origin)).toThrow(TypeError);
    const loop: Record<string, unknown> = {};
    loop['self'] = loop;
    expect(() => treeFromValue(loop, origin)).toThrow(/levels/);
    expect(treeAt(treeFromValue({ a: [{ b: 1 }] }, origin), ['a', 0, 'b'])).toMatchObject({ value: 1 });
  });
});
