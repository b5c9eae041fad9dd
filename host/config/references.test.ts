import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { treeAt, treeFromValue, valueOf } from '../manifest/source-tree.js';
import { holdsReference, resolveReferences } from './references.js';

function resolve(
  value: unknown,
  env: Readonly<Record<string, string>> = {},
  allowed: (name: string) => boolean = () => true,
) {
  const problems: string[] = [];
  const tree = resolveReferences(treeFromValue(value, { layer: 'x' }), {
    readEnv: (name) => (Object.hasOwn(env, name) ? env[name] : undefined),
    mayRead: allowed,
    problem: (keys, message) => problems.push(`${keys.join('.')}: ${message}`),
  });
  return { tree, value: valueOf(tree), problems };
}

describe('resolveReferences', () => {
  it('reads the environment at any depth and inside text', () => {
    const { value, problems } = resolve(
      { a: ['${env:A}', 1], b: { c: 'x-${env:A}-${env:B}' } },
      { A: 'one', B: 'two' },
    );
    expect(value).toEqual({ a: ['one', 1], b: { c: 'x-one-two' } });
    expect(problems).toEqual([]);
  });

  it('keeps the reference to show in place of the value', () => {
    const { tree } = resolve({ a: 'Bearer ${env:A}' }, { A: 's3cret' });
    expect(treeAt(tree, ['a'])).toMatchObject({ value: 'Bearer s3cret', shown: 'Bearer ${env:A}' });
  });

  it('writes out a doubled dollar and leaves other braces alone', () => {
    expect(resolve({ a: '$${env:A} ${name} $5 ${other:x}' }, { A: 'no' }).value).toEqual({
      a: '${env:A} ${name} $5 ${other:x}',
    });
  });

  it('does not resolve what a value holds', () => {
    expect(resolve({ a: '${env:A}' }, { A: '${env:B}', B: 'deep' }).value).toEqual({ a: '${env:B}' });
  });

  it('tells every reference that cannot be resolved, and never a value', () => {
    const { problems } = resolve(
      { a: '${env:GONE}', b: '${secret:db}', c: '${env:no-name}', d: '${env:CLOSED}' },
      { CLOSED: 's3cret' },
      (name) => name !== 'CLOSED',
    );
    expect(problems).toEqual([
      'a: the environment variable GONE is not set. Set it, or remove ${env:GONE}.',
      'b: ${secret:db} cannot be read here: the store, which holds secrets, is opened by what stands here. Use ${env:NAME}.',
      "c: expected the name of an environment variable in ${env:…}, got 'no-name'.",
      'd: ${env:CLOSED} may not be read for a plugin. Add CLOSED to host.env_allow to permit it.',
    ]);
    expect(problems.join()).not.toContain('s3cret');
  });

  it('leaves any value without a dollar brace as it is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        fc.pre(!JSON.stringify(value).includes('${'));
        expect(resolve({ value }).value).toEqual({ value });
      }),
    );
  });

  it('puts in any text as it is', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (before, secret, after) => {
        fc.pre(!`${before}${after}`.includes('$') && !before.endsWith('$'));
        expect(resolve({ a: `${before}\${env:A}${after}` }, { A: secret }).value).toEqual({
          a: `${before}${secret}${after}`,
        });
      }),
    );
  });
});

describe('holdsReference', () => {
  it('tells references from text that looks like one', () => {
    expect(['${env:A}', 'x${secret:b}y'].map(holdsReference)).toEqual([true, true]);
    expect(['$${env:A}', '${name}', '$5'].map(holdsReference)).toEqual([false, false, false]);
  });
});
