import { describe, expect, test } from 'vitest';
import type { InvokeResponse } from '@bulkhead/proto/plugin';
import { HOOKS, encodePayload } from '@bulkhead/proto/rules';
import { JsonText } from '@bulkhead/proto/json';
import { testDispatcher } from './dispatcher.test-support.js';
import { allowResponse, entry, functionPort } from './function-port.test-support.js';
import type { Mode } from '../manifest/manifest.js';

const HOOK = 'tool_pre_invoke';
const CALL = { name: 'echo', args: { a: 1 } };

function answering(
  response: Partial<InvokeResponse>,
  mode: Mode = 'sequential',
  onError: 'fail' | 'ignore' = 'fail',
) {
  const port = {
    ...functionPort('foreign', () => undefined),
    invoke: () => Promise.resolve({ ...allowResponse(), ...response }),
  };
  return testDispatcher([entry(port, HOOK, { mode, onError })]).dispatcher.invoke(HOOK, CALL);
}

const violation = {
  code: 'NO',
  reason: 'no',
  description: '',
  detailsJson: '',
  httpStatusCode: 0,
  httpHeaders: {},
  mcpErrorCode: 0,
};
const bytes = (fields: Record<string, unknown>) => encodePayload(HOOKS[HOOK], fields);

const GARBAGE: [string, Partial<InvokeResponse>][] = [
  ['a decision that nobody knows', { decision: 7 as InvokeResponse['decision'] }],
  [
    'a change of a field that the hook does not have',
    { decision: 1, changed: ['body'], payload: bytes({ name: 'x' }) },
  ],
  [
    'a change of a field named like a method',
    { decision: 1, changed: ['constructor'], payload: bytes({ name: 'x' }) },
  ],
  ['bytes that are no message', { decision: 1, changed: ['name'], payload: new Uint8Array([10, 200, 1, 1]) }],
  [
    'a change that the payload does not carry',
    { decision: 1, changed: ['args'], payload: bytes({ name: 'x' }) },
  ],
  [
    'JSON text that does not parse',
    { decision: 1, changed: ['args'], payload: bytes({ args: new JsonText('{"a":') }) },
  ],
  [
    'two JSON values in one',
    { decision: 1, changed: ['args'], payload: bytes({ args: new JsonText('{}\n{}') }) },
  ],
  [
    'a field named again and again, each time to be parsed anew',
    {
      decision: 1,
      changed: Array.from({ length: 1_000_000 }, () => 'args'),
      payload: bytes({ args: new JsonText(`[${'1,'.repeat(100_000)}1]`) }),
    },
  ],
  [
    'a million names',
    {
      decision: 1,
      changed: Array.from({ length: 1_000_000 }, (_, n) => `f${n}`),
      payload: bytes({ name: 'x' }),
    },
  ],
  [
    'JSON that is a million levels deep',
    {
      decision: 1,
      changed: ['args'],
      payload: bytes({ args: new JsonText(`${'['.repeat(400_000)}1.0${']'.repeat(400_000)}`) }),
    },
  ],
  [
    'a header with a line end in it',
    { decision: 1, changed: ['headers'], payload: bytes({ headers: { a: 'b\r\nset-cookie: c' } }) },
  ],
  [
    'a violation with a line end in a header',
    { decision: 2, violation: { ...violation, httpHeaders: { a: 'b\r\nc: d' } } },
  ],
  [
    'a violation with no header name',
    { decision: 2, violation: { ...violation, httpHeaders: { 'a b': 'c' } } },
  ],
  ['a reason of megabytes', { decision: 2, violation: { ...violation, reason: 'r'.repeat(3_000_000) } }],
  [
    'a description of megabytes',
    { decision: 2, violation: { ...violation, description: 'r'.repeat(3_000_000) } },
  ],
  [
    'details that are a million levels deep',
    {
      decision: 2,
      violation: { ...violation, detailsJson: `{"a":${'['.repeat(400_000)}${']'.repeat(400_000)}}` },
    },
  ],
  [
    'details of megabytes',
    { decision: 2, violation: { ...violation, detailsJson: `{"a":"${'d'.repeat(3_000_000)}"}` } },
  ],
  [
    'metadata that is a million levels deep',
    { metadata: { a: `${'['.repeat(30_000)}${']'.repeat(30_000)}` } },
  ],
  ['a violation with a status of success', { decision: 2, violation: { ...violation, httpStatusCode: 200 } }],
  [
    'a violation whose details are no object',
    { decision: 2, violation: { ...violation, detailsJson: '[1]' } },
  ],
  ['a violation whose details are no JSON', { decision: 2, violation: { ...violation, detailsJson: '{' } }],
  ['a violation whose code is a sentence', { decision: 2, violation: { ...violation, code: 'not a code' } }],
  ['metadata that is no JSON', { metadata: { a: 'x' } }],
  ['more metadata than fits', { metadata: { a: JSON.stringify('x'.repeat(65_536)) } }],
  ['a reserved shared name', { shared: { 'bulkhead.x': '1' } }],
  ['more state than a request may hold', { state: { a: JSON.stringify('x'.repeat(1_048_576)) } }],
];

describe('an answer of wrong shape', () => {
  test.each(GARBAGE)('%s is INVALID_ANSWER under fail', async (_what, response) => {
    expect(await answering(response)).toMatchObject({
      allowed: false,
      refusal: 'failed',
      violation: { code: 'INVALID_ANSWER', http_status_code: 502 },
      records: [{ status: 'error', code: 'INVALID_ANSWER' }],
      metadata: {},
    });
  });

  test.each(GARBAGE)('%s is recorded and changes nothing under ignore', async (_what, response) => {
    for (const mode of ['sequential', 'transform', 'concurrent'] as const) {
      const result = await answering(response, mode, 'ignore');
      expect(result).toMatchObject({
        allowed: true,
        changedBy: [],
        records: [{ status: 'error', effective: 'allow' }],
      });
      expect(result.payload).toBe(CALL);
    }
  });
});

describe('an answer of a plugin that says little', () => {
  test('a denial without a violation is DENIED', async () => {
    expect(await answering({ decision: 2 })).toMatchObject({
      allowed: false,
      violation: {
        code: 'DENIED',
        plugin: 'foreign',
        reason: "Refused by plugin 'foreign', which gave no reason.",
      },
    });
  });

  test('a modification without fields is allow', async () => {
    expect(await answering({ decision: 1 })).toMatchObject({
      allowed: true,
      records: [{ requested: 'allow' }],
    });
  });

  test('a whole violation arrives whole, with the plugin’s name', async () => {
    const result = await answering({
      decision: 2,
      violation: {
        code: 'A',
        reason: 'r',
        description: 'd',
        detailsJson: '{"n":1}',
        httpStatusCode: 429,
        httpHeaders: { 'retry-after': '3' },
        mcpErrorCode: -32099,
      },
    });
    expect(result.violation).toEqual({
      code: 'A',
      reason: 'r',
      description: 'd',
      details: { n: 1 },
      http_status_code: 429,
      http_headers: { 'retry-after': '3' },
      mcp_error_code: -32099,
      plugin: 'foreign',
    });
  });
});
