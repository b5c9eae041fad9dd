import { beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../clock.test-support.js';
import type { PluginRecord } from '../dispatch/invocation.js';
import { NO_AUDIT, type AuditEntry } from '../telemetry/audit.js';
import { createRecordAudit } from './audit-records.js';

const RECORD: PluginRecord = {
  requestId: 'r1',
  plugin: 'pii',
  version: '1.0.0',
  hook: 'tool_pre_invoke',
  mode: 'sequential',
  requested: 'allow',
  effective: 'allow',
  status: 'completed',
  durationMs: 1,
  changed: [],
  dropped: [],
};

let noted: AuditEntry[];
const clock = new FakeClock();
const onRecord = (all: readonly string[] = []) =>
  createRecordAudit({ ...NO_AUDIT, note: (entry) => void noted.push(entry) }, clock, all);
beforeEach(() => {
  noted = [];
});

describe('the audit of hook runs', () => {
  test('tells each denial, with its request', () => {
    const take = onRecord();
    for (const requestId of ['r1', 'r2'])
      take({ ...RECORD, requestId, requested: 'deny', effective: 'deny', code: 'PII_FOUND' });
    expect(noted).toMatchObject([
      {
        actor: { kind: 'plugin', id: 'pii' },
        action: 'hook.denied',
        target: 'hook/tool_pre_invoke',
        outcome: 'denied',
        code: 'PII_FOUND',
        requestId: 'r1',
      },
      { requestId: 'r2' },
    ]);
  });

  test('tells a denial that the mode did not let count', () => {
    onRecord()({ ...RECORD, mode: 'audit', requested: 'deny', effective: 'allow' });
    expect(noted).toMatchObject([{ action: 'hook.suppressed', outcome: 'suppressed' }]);
  });

  test('counts errors of one kind', () => {
    const take = onRecord();
    for (let n = 0; n < 100; n += 1)
      take({ ...RECORD, status: 'timeout', effective: 'deny', code: 'DEADLINE_EXCEEDED' });
    clock.advance(10_000);
    expect(noted).toMatchObject([
      { action: 'hook.timeout', outcome: 'error', details: { times: 1, effective: 'deny' } },
      { details: { times: 99 } },
    ]);
  });

  test.each([
    [[], 0],
    [['tool_pre_invoke'], 1],
    [['*'], 1],
    [['agent_pre_invoke'], 0],
  ] as const)('with audit.all %j tells %i of one run that was let through', (all, count) => {
    onRecord(all)(RECORD);
    expect(noted).toHaveLength(count);
  });
});
