import { describe, expect, test } from 'vitest';
import * as host from '@bulkhead/proto/host';
import { createHostMethods, guardByGrant } from './host-method.js';
import { createLogMethods } from './log-service.js';
import type { PluginLog } from './plugin-log.js';

const plugin = { name: 'p', id: 'p', version: '1.0.0', pid: 1, grantedScopes: ['kv.read'] };
const call = { timeoutMs: 0, traceparent: '', signal: new AbortController().signal };
const body = new Uint8Array(0);

describe('a method that the host serves', () => {
  test.each([
    ['none', 'answers'],
    ['kv.read', 'answers'],
    ['kv.readwrite', 'PERMISSION_DENIED'],
    ['kv', 'PERMISSION_DENIED'],
    ['', 'INTERNAL'],
  ])('under the scope "%s" %s', (scope, outcome) => {
    const outcomeOf = (): string => {
      try {
        void guardByGrant(plugin, { path: '/s/M', scope, handle: () => body }).handler(body, call);
        return 'answers';
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    expect(outcomeOf()).toBe(outcome);
  });

  test('takes its path and scope from the RPC', () => {
    const methods = createLogMethods({} as PluginLog);
    expect(methods.map(({ path, scope }) => [path, scope])).toEqual([
      ...host.scopesOf(host.LogServiceDefinition),
    ]);
  });

  test('of an RPC without the option is not served at all', () => {
    const service = { fullName: 'bulkhead.host.v1.New', methods: { get: { name: 'Get', options: {} } } };
    expect(() => createHostMethods(service, { get: () => body })).toThrow(/Get has no .*scope/);
  });
});
