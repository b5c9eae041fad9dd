import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { treeAt, treeFromValue, valueOf, type SourceTree } from '../manifest/source-tree.js';
import { EMPTY, mergeLayers, mergeTrees, missingFrom, settle, without } from './merge.js';

const tree = (value: unknown, layer = 'x'): SourceTree => treeFromValue(value, { layer });
const merged = (...values: readonly unknown[]): unknown =>
  valueOf(settle(mergeLayers(values.map((value) => tree(value)))).tree);

const key = fc.constantFrom('a', 'b', 'c');
const { value: anyValue } = fc.letrec<{ value: unknown; map: Record<string, unknown> }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom(null, 1, 'x', true),
    fc.array(fc.constantFrom(1, null, 'y'), { maxLength: 2 }),
    tie('map'),
  ),
  map: fc.dictionary(key, tie('value'), { maxKeys: 3, noNullPrototype: true }),
}));
const layer = fc.dictionary(key, anyValue, { maxKeys: 3, noNullPrototype: true });

describe('merging layers', () => {
  it('merges maps by key, replaces lists, and removes by null', () => {
    expect(merged({ a: { x: 1, y: [1, 2] }, b: 1 }, { a: { y: [3], z: 2 } }, { b: null })).toEqual({
      a: { x: 1, y: [3], z: 2 },
    });
  });

  it('lets nothing from below a null shine through what comes after it', () => {
    expect(merged({ a: { x: 1 } }, { a: null }, { a: { y: 2 } })).toEqual({ a: { y: 2 } });
    expect(merged({ a: { x: 1 } }, { a: [1] }, { a: { y: 2 } })).toEqual({ a: { y: 2 } });
  });

  it('keeps a null in a list', () => {
    expect(merged({ a: [1] }, { a: [null, 2] })).toEqual({ a: [null, 2] });
  });

  it('is associative', () => {
    fc.assert(
      fc.property(layer, layer, layer, (a, b, c) => {
        const left = mergeTrees(mergeTrees(tree(a), tree(b)), tree(c));
        const right = mergeTrees(tree(a), mergeTrees(tree(b), tree(c)));
        expect(valueOf(settle(left).tree)).toEqual(valueOf(settle(right).tree));
      }),
      { numRuns: 1000 },
    );
  });

  it('changes nothing with an empty layer', () => {
    fc.assert(
      fc.property(layer, (a) => {
        expect(merged(a, {})).toEqual(merged(a));
        expect(merged({}, a)).toEqual(merged(a));
        expect(merged(a, a)).toEqual(merged(a));
      }),
    );
  });

  it('gives, at every place, a value that the layer in its origin says there', () => {
    fc.assert(
      fc.property(fc.array(layer, { minLength: 1, maxLength: 4 }), (layers) => {
        const trees = layers.map((value, index) => tree(value, String(index)));
        const check = (at: SourceTree, keys: readonly string[]): void => {
          if (at.kind === 'map') {
            for (const [name, inner] of at.entries) check(inner, [...keys, name]);
            return;
          }
          const source = Number(at.origin.layer);
          expect(valueOf(treeAt(trees[source] ?? EMPTY, keys) ?? EMPTY)).toEqual(valueOf(at));
          // No later layer says anything else there.
          for (const later of trees.slice(source + 1)) expect(treeAt(later, keys)).toBeUndefined();
        };
        check(settle(mergeLayers(trees)).tree, []);
      }),
      { numRuns: 500 },
    );
  });

  it('tells which places a null removed', () => {
    expect(
      settle(mergeLayers([tree({ a: { x: 1 }, b: 2 }), tree({ a: { x: null }, b: null })])).removed,
    ).toEqual([['a', 'x'], ['b']]);
  });
});

describe('missingFrom', () => {
  it('names the topmost places that are gone', () => {
    expect(missingFrom(tree({ a: { x: 1 } }), tree({ a: { x: 1, y: { z: 1 } }, b: {} }))).toEqual([
      ['a', 'y'],
      ['b'],
    ]);
  });
});

describe('without', () => {
  it('takes out a member or an item and leaves the rest', () => {
    expect(valueOf(without(tree({ a: { b: 1, c: 2 } }), ['a', 'b']))).toEqual({ a: { c: 2 } });
    expect(valueOf(without(tree({ a: [1, { b: 1 }] }), ['a', 1, 'b']))).toEqual({ a: [1, {}] });
    expect(valueOf(without(tree({ a: [1, 2] }), ['a', 0]))).toEqual({ a: [2] });
    expect(valueOf(without(tree({ a: 1 }), ['x', 'y']))).toEqual({ a: 1 });
  });
});
