import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseJson, type JsonObject } from '@bulkhead/proto/json';
import { fillUrl, placesOf } from './url-template.js';

describe('a URL template', () => {
  test('is filled with encoded values', () => {
    const url = fillUrl('https://api.example/orders/{id}?q={q}&n={n}', { id: 'a/b ?', q: 'x&y=1#', n: 5 });
    expect(url.href).toBe('https://api.example/orders/a%2Fb%20%3F?q=x%26y%3D1%23&n=5');
  });

  test('names its places once', () => {
    expect(placesOf('https://x/{a}/{b}?c={a}')).toEqual(['a', 'b']);
  });

  test('a number that a double cannot hold stays what it is', () => {
    const values = parseJson('{"n":9007199254740993}') as JsonObject;
    expect(fillUrl('https://x/{n}', values).pathname).toBe('/9007199254740993');
  });

  test.each([
    ['no value', 'https://x/{a}', {}],
    ['a list', 'https://x/{a}', { a: [] }],
    ['dots', 'https://x/{a}/y', { a: '..' }],
    ['an empty part of the path', 'https://x/orders/{a}?q={q}', { a: '', q: 'x' }],
    ['half a character', 'https://x/{a}', { a: '\ud800' }],
    ['a place in the host', 'https://{a}.example/', { a: 'evil' }],
    ['a place in the port', 'https://x:{a}/', { a: 8080 }],
    ['a place as the scheme', '{a}://x/', { a: 'https' }],
    ['a place in the credentials', 'https://{a}@x/', { a: 'me' }],
    ['another scheme', 'file:///etc/{a}', { a: 'passwd' }],
  ])('refuses %s', (_what, template, values) => {
    expect(() => fillUrl(template, values)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });

  test('never leaves its origin or its path, whatever the values are', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (id, q) => {
        fc.pre(!/^\.{0,2}$/.test(id));
        fc.pre(id.isWellFormed() && q.isWellFormed());
        const url = fillUrl('https://api.example/base/{id}/tail?q={q}', { id, q });
        expect(url.origin).toBe('https://api.example');
        expect(url.pathname.split('/')).toHaveLength(4);
        expect(url.pathname).toMatch(/^\/base\/.*\/tail$/);
        expect(url.searchParams.get('q')).toBe(q);
        expect([...url.searchParams]).toHaveLength(1);
      }),
    );
  });
});
