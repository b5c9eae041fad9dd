import { expect, test } from 'vitest';
import { createToolPolicies } from './policy.js';

const policies = createToolPolicies({
  expose: {
    'bank/balance': 'allow',
    'bank/transfer': 'require_approval',
    'shop/list': 'allow',
    'files/delete': 'deny',
  },
});
const policyOf = (kind: 'mcp' | 'http' | 'plugin', server: string, name: string): string =>
  policies.judge({ kind, server, name }).policy;

test('an operation that was added to a tool object is no way around what was ruled on its others', () => {
  expect(policyOf('http', 'bank', 'balance')).toBe('allow');
  expect(policyOf('http', 'bank', 'transfer2')).toBe('require_approval');
  expect(policyOf('http', 'shop', 'buy')).toBe('allow');
  expect(policyOf('http', 'news', 'latest')).toBe('allow');
});

test('an upstream’s tools are ruled each by itself, and a plugin’s are denied until they are listed', () => {
  expect(policyOf('mcp', 'files', 'delete')).toBe('deny');
  expect(policyOf('mcp', 'files', 'read')).toBe('allow');
  expect(policyOf('plugin', 'shop', 'list')).toBe('allow');
  expect(policyOf('plugin', 'shop', 'buy')).toBe('deny');
});
