import { describe, expect, test } from 'vitest';
import { JsonText } from '../json/index.js';
import { HOOKS } from './hook-table.js';
import { applyChanges, checkAnswer, checkViolation } from './answer.js';

const spec = HOOKS.tool_pre_invoke;

describe('an answer', () => {
  test.each([
    [undefined],
    [null],
    [{ kind: 'modify', changes: {} }],
    [{ kind: 'modify', changes: { args: undefined } }],
  ])('%j means allow', (answer) => {
    expect(checkAnswer(spec, answer)).toEqual({ kind: 'allow' });
  });

  test('modify names its fields and carries them in travelling form', () => {
    expect(checkAnswer(spec, { kind: 'modify', changes: { args: { a: 1 }, headers: {} } })).toEqual({
      kind: 'modify',
      changed: ['args', 'headers'],
      changes: { args: new JsonText('{"a":1}'), headers: {} },
    });
  });

  test.each([
    ['text', /expected nothing, modify\(\{…\}\) or deny\(\{…\}\), got "text"/],
    [{ args: {} }, /expected nothing, modify/],
    [{ kind: 'allow' }, /expected nothing, modify/],
    [{ kind: 'modify', changes: 'x' }, /modify takes an object of fields/],
    [{ kind: 'modify', changes: { nme: 'x' } }, /field 'nme': no such field/],
    [{ kind: 'modify', changes: { name: 1 } }, /field 'name': expected a string/],
    [{ kind: 'deny', violation: 'no' }, /deny takes a violation/],
  ])('%j is INVALID_ANSWER and says why', (answer, message) => {
    expect(() => checkAnswer(spec, answer)).toThrow(message);
    expect(() => checkAnswer(spec, answer)).toThrow(expect.objectContaining({ code: 'INVALID_ANSWER' }));
  });
});

describe('a violation', () => {
  const violation = { code: 'A_B', reason: 'because' };

  test('whole is taken as it is', () => {
    const whole = {
      ...violation,
      description: 'd',
      details: { a: 1 },
      http_status_code: 400,
      http_headers: { 'retry-after': '1' },
      mcp_error_code: -32050,
    };
    expect(checkViolation(spec, whole)).toEqual(whole);
  });

  test.each([
    [{ ...violation, code: 'two words' }, /violation\.code/],
    [{ ...violation, code: '' }, /violation\.code/],
    [{ ...violation, reason: '' }, /violation\.reason/],
    [{ ...violation, description: 1 }, /violation\.description/],
    [{ ...violation, details: [] }, /violation\.details/],
    [
      { ...violation, http_status_code: 399 },
      /violation\.http_status_code: expected 400 to 599, got number 399/,
    ],
    [{ ...violation, http_status_code: 600 }, /violation\.http_status_code/],
    [{ ...violation, http_headers: { a: 1 } }, /violation\.http_headers/],
    [{ ...violation, mcp_error_code: 1.5 }, /violation\.mcp_error_code/],
    [{ ...violation, status: 403 }, /unknown key 'status'/],
  ])('%j is refused', (value, message) => {
    expect(() => checkViolation(spec, value)).toThrow(message);
  });
});

describe('applying changes', () => {
  const payload = { name: 'echo', result: new JsonText('1') };

  test('keeps what the hook lists as writable and drops the rest', () => {
    const result = new JsonText('2');
    expect(applyChanges(HOOKS.tool_post_invoke, payload, ['name', 'result'], { name: 'x', result })).toEqual({
      payload: { name: 'echo', result },
      kept: ['result'],
      dropped: ['name'],
    });
  });

  test('without a kept change the payload stays the same object', () => {
    expect(applyChanges(HOOKS.tool_post_invoke, payload, ['name'], { name: 'x' }).payload).toBe(payload);
  });
});
