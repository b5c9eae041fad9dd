import { describe, expect, test } from 'vitest';
import { assertTarget, canonicalTarget } from './request-target.js';

describe('a request target', () => {
  test.each([
    ['/mcp', '/mcp'],
    ['/%6dcp', '/mcp'],
    ['/%6D%63%70?x=%6d', '/mcp?x=%6d'],
    ['/plugins/a%2Fb/%7e', '/plugins/a%2Fb/~'],
    ['/%2e%2e/mcp', '/../mcp'],
    ['/%zz', '/%zz'],
    ['/%256dcp', '/%256dcp'],
  ])('%s is read as %s', (target, canonical) => {
    expect(canonicalTarget(target)).toBe(canonical);
  });

  test.each(['http://127.0.0.1/mcp', 'HTTP://127.0.0.1/%6dcp', '/mcp#x', '*', ''])(
    '%s is refused',
    (target) => {
      expect(canonicalTarget(target)).toBe(target);
      expect(() => {
        assertTarget(target);
      }).toThrow('expected a request target that is a path');
    },
  );
});
