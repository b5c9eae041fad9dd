import { expect, test } from 'vitest';
import { FakeClock } from '../clock.test-support.js';
import type { NewEvent } from '../events/outbox.js';
import { NO_AUDIT, type AuditEntry } from '../telemetry/audit.js';
import { createSilentLogger } from '../telemetry/logger.js';
import { createToolReport } from './tool-report.js';

test('subscribers are not told whose user and tenant a call of a plugin’s tool was; the audit log is', () => {
  const audited: AuditEntry[] = [];
  const published: NewEvent[] = [];
  const report = createToolReport({
    audit: { ...NO_AUDIT, note: (entry) => audited.push(entry) },
    clock: new FakeClock(0),
    log: createSilentLogger(),
    events: {
      publish: (event) => {
        published.push(event);
        return Promise.resolve('event');
      },
    },
  });
  const tool = {
    server: 'notes',
    name: 'add',
    kind: 'plugin',
    owner: { name: 'notes', id: 'com.example.notes', version: '1.0.0' },
    effect: 'unknown',
    assertReady: () => {},
    run: () => Promise.reject(new Error('not here')),
    sibling: () => undefined,
  } as const;
  const caller = {
    actor: { kind: 'app', id: 'shop' },
    appId: 'shop',
    userId: 'ada',
    tenantId: 'acme',
  } as const;
  const { signal } = new AbortController();
  const call = { tool, caller, params: {}, context: {}, visibleHeaders: {}, signal };
  const policy = { tool: 'notes/add', policy: 'allow', listed: true, rules: '' } as const;
  report({ call, tool, policy, durationMs: 1, outcome: 'ok' });
  expect(audited).toMatchObject([{ details: { user: 'ada', tenant: 'acme' } }]);
  const told: unknown = JSON.parse(published[0]?.dataJson ?? '');
  expect(told).toMatchObject({ tool: 'add', caller: 'app/shop' });
  expect(told).not.toHaveProperty('user');
  expect(told).not.toHaveProperty('tenant');
});
