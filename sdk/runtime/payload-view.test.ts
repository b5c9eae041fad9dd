import fc from 'fast-check';
import { isBulkheadError } from '@bulkhead/proto';
import { stringifyJson } from '@bulkhead/proto/json';
import {
  HOOKS,
  checkAnswer,
  customHookSpec,
  decodePayload,
  encodePayload,
  parsePayload,
} from '@bulkhead/proto/rules';
import { describe, expect, it, vi } from 'vitest';
import { modify } from '../answers.js';
import { createViewClass, openView } from './payload-view.js';

const spec = HOOKS.tool_pre_invoke;
const View = createViewClass(spec);

function viewOf(payload: object): Record<string, unknown> {
  const view = new View(encodePayload(spec, parsePayload(spec, payload)));
  return view as Record<string, unknown>;
}

describe('a payload view', () => {
  it('gives text as it is and JSON parsed', () => {
    const view = viewOf({ name: 'echo', args: { a: [1, null] }, headers: { x: 'y' } });
    expect(view['name']).toBe('echo');
    expect(view['args']).toEqual({ a: [1, null] });
    expect(view['headers']).toEqual({ x: 'y' });
  });

  it('parses a field once and gives the same value again', () => {
    const view = viewOf({ name: 'echo', args: { a: 1 } });
    expect(view['args']).toBe(view['args']);
  });

  it('decodes nothing that nobody reads', () => {
    const decode = vi.fn((bytes: Uint8Array) => spec.codec.decode(bytes));
    const Counting = createViewClass({ ...spec, codec: { ...spec.codec, decode } });
    const view = new Counting(new Uint8Array([0xff]));
    expect(decode).not.toHaveBeenCalled();
    expect(() => Reflect.get(view, 'name') as unknown).toThrow();
    expect(decode).toHaveBeenCalledOnce();
  });

  it('says PROTOCOL_ERROR when the bytes are no payload', () => {
    const view = new View(new Uint8Array([0x0a, 0x7f]));
    expect(() => Reflect.get(view, 'name') as unknown).toThrow(
      expect.toSatisfy((error) => isBulkheadError(error) && error.code === 'PROTOCOL_ERROR'),
    );
  });

  it('leaves an absent optional field undefined', () => {
    const check = HOOKS.http_auth_check_permission;
    const bytes = encodePayload(
      check,
      parsePayload(check, { user: { id: 'u' }, permission: 'p', resource: 'r' }),
    );
    const view = new (createViewClass(check))(bytes) as Record<string, unknown>;
    expect(view['granted']).toBeUndefined();
    expect(view['user']).toEqual({ id: 'u' });
  });

  it('shows its fields to JSON.stringify', () => {
    const view = viewOf({ name: 'echo', args: { n: 1 } });
    expect(JSON.parse(JSON.stringify(view))).toEqual({ name: 'echo', args: { n: 1 }, headers: {} });
  });

  it('shows the members of a custom hook that the manifest does not declare', () => {
    const custom = customHookSpec({ name: 'mail_sent', members: ['a', 'b'] });
    const bytes = encodePayload(custom, parsePayload(custom, { a: 1, b: [2] }));
    const view = openView('mail_sent', bytes) as Record<string, unknown>;
    expect([view['a'], view['b']]).toEqual([1, [2]]);
  });

  it('keeps every number exact when a sibling key changes', () => {
    const number = fc.oneof(
      fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }).map(String),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
      fc.tuple(fc.integer(), fc.nat(999_999)).map(([whole, part]) => `${whole}.${part}0`),
      fc
        .tuple(fc.integer({ min: -9, max: 9 }), fc.integer({ min: -400, max: 400 }))
        .map(([m, e]) => `${m}e${e}`),
      fc.constantFrom('-0', '0.0', '10.0', '9007199254740993', '1E400', '0.1000'),
    );
    fc.assert(
      fc.property(fc.array(number, { minLength: 1, maxLength: 8 }), (numbers) => {
        const text = `{"kept":[${numbers.join(',')}],"touched":1}`;
        const bytes = spec.codec.encode({ name: 'x', argsJson: text, headers: {} });
        const args = (new View(bytes) as Record<string, object>)['args'];
        const answer = checkAnswer(spec, modify({ args: { ...args, touched: 2 } }));
        const changes = answer.kind === 'modify' ? answer.changes : {};
        const arrived = decodePayload(spec, encodePayload(spec, changes), ['args']);
        expect((arrived['args'] as { text: string }).text).toBe(
          `{"kept":[${numbers.join(',')}],"touched":2}`,
        );
        expect(stringifyJson(args)).toBe(text);
      }),
    );
  });
});
