import { describe, expect, it } from 'vitest';
import { createEntry, type EntryOptions } from './entry.js';
import { createRedactor } from './redact.js';

const NOW = Date.UTC(2026, 10, 21, 9, 30, 0);
const OPTIONS: EntryOptions = { withFields: true, maxFieldBytes: 200, redact: createRedactor(['iban']) };
const REQUEST = {
  requestId: 'r1',
  tenantId: undefined,
  serverId: 'files',
  appId: undefined,
  user: { id: 'ada', email: 'ada@example.com' },
  outcome: undefined,
  traceparent: undefined,
};

describe('createEntry', () => {
  it('is one line with what happened and who it was, and nothing of the payload unless asked', () => {
    const seen = { hook: 'tool_pre_invoke', target: 'echo', fields: { args: { message: 'hi' } } };
    const text = createEntry(seen, REQUEST, NOW, { ...OPTIONS, withFields: false });
    expect(text).toBe(
      '{"time":"2026-11-21T09:30:00.000Z","request_id":"r1","hook":"tool_pre_invoke","target":"echo","server":"files","user":"ada"}\n',
    );
  });

  it('says how the request ended', () => {
    const violation = { code: 'TOOL_NOT_ALLOWED', reason: 'no\nno' };
    const outcome = { allowed: false, deniedBy: 'tool_allowlist', violation };
    const text = createEntry({ hook: 'h', target: 't', fields: {} }, { ...REQUEST, outcome }, NOW, OPTIONS);
    expect(text.indexOf('\n')).toBe(text.length - 1);
    expect(JSON.parse(text)).toMatchObject({
      outcome: 'denied',
      denied_by: 'tool_allowlist',
      code: 'TOOL_NOT_ALLOWED',
      reason: 'no\nno',
    });
  });

  it('logs fields with secrets redacted and numbers exact, and of a large one the size', () => {
    const args = {
      n: JSON.rawJSON('9007199254740993'),
      Password: 'x',
      deep: [{ api_key: { a: 1 }, IBAN: 'x', total_tokens: 3 }],
    };
    const text = createEntry(
      { hook: 'h', target: 't', fields: { args, result: 'x'.repeat(199) } },
      REQUEST,
      NOW,
      OPTIONS,
    );
    expect(text).toContain(
      '"fields":{"args":{"n":9007199254740993,"Password":"[REDACTED]","deep":[{"api_key":"[REDACTED]","IBAN":"[REDACTED]","total_tokens":3}]},"result":{"omitted_bytes":201}}}\n',
    );
    expect(() => void JSON.parse(text)).not.toThrow();
  });

  it('cuts a name that is too long', () => {
    const text = createEntry({ hook: 'h', target: 'x'.repeat(100_000), fields: {} }, REQUEST, NOW, OPTIONS);
    expect(text.length).toBeLessThan(1_500);
  });
});
