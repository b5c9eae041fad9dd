import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JsonText } from '../json/index.js';
import * as generated from '../gen/bulkhead/plugin/v1/payloads.js';
import { HOOKS, customHookSpec, type FieldKind, type HookSpec } from './hook-table.js';
import { decodePayload, encodePayload } from './payload.js';
import { utf8Length } from './payload-wire.js';

interface Codec {
  encode(message: object): { finish(): Uint8Array };
  decode(bytes: Uint8Array): object;
  fromPartial(message: object): object;
}

const pascal = (hook: string): string =>
  hook.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** The generated codec of a hook's payload. */
function codecOf(hook: string): Codec {
  const found = Object.entries(generated).find(([name]) => name === `${pascal(hook)}Payload`)?.[1];
  if (found === undefined) throw new Error(`no generated message for ${hook}`);
  return found as Codec;
}

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ maxLength: 300 }),
  fc.constant('é'.repeat(100)),
);
// The generated codec loses a member of that name; a test of its own shows that ours does not.
const key = text.filter((name) => name !== '__proto__');
const VALUES: Record<FieldKind, fc.Arbitrary<unknown>> = {
  text,
  texts: fc.array(text, { maxLength: 4 }),
  number: fc.oneof(fc.integer({ min: 0, max: 0xffff_ffff }), fc.constantFrom(0, 127, 128, 0xffff_ffff)),
  flag: fc.boolean(),
  headers: fc.dictionary(key, text, { maxKeys: 4 }),
  json: fc.json().map((value) => new JsonText(value)),
};

const payloadOf = (spec: HookSpec): fc.Arbitrary<Record<string, unknown>> =>
  fc.record(Object.fromEntries(Object.entries(spec.fields).map(([name, { kind }]) => [name, VALUES[kind]])), {
    requiredKeys: [],
  });

const toMessage = (spec: HookSpec, payload: Record<string, unknown>): object =>
  Object.fromEntries(
    Object.entries(payload).map(([name, value]) => [
      spec.fields[name]?.wire ?? name,
      value instanceof JsonText ? value.text : value,
    ]),
  );

describe('payload bytes', () => {
  test.each(Object.values(HOOKS))('of $name are what the generated codec writes and reads', (spec) => {
    const codec = codecOf(spec.name);
    fc.assert(
      fc.property(payloadOf(spec), (payload) => {
        const bytes = encodePayload(spec, payload);
        const message = codec.fromPartial(toMessage(spec, payload));
        expect(codec.decode(bytes)).toEqual(message);
        const theirs = codec.encode(message).finish();
        expect(spec.codec.decode(theirs)).toEqual(codec.decode(theirs));
        expect(decodePayload(spec, bytes)).toEqual(decodePayload(spec, theirs));
      }),
      { numRuns: 200 },
    );
  });

  test.each(Object.values(HOOKS))(
    '$name: every member of the message is a field, with its number',
    (spec) => {
      const members = Object.keys(codecOf(spec.name).fromPartial({}));
      expect(Object.values(spec.fields).map(({ wire }) => wire)).toEqual(members);
      expect(Object.values(spec.fields).map(({ number }) => number)).toEqual(members.map((_, i) => i + 1));
    },
  );

  test('of a custom hook are a map from member to JSON text', () => {
    const spec = customHookSpec({ name: 'custom', members: ['a', 'b', 'constructor'] });
    const bytes = encodePayload(spec, { a: new JsonText('10.0'), b: new JsonText('{"x":"é"}') });
    expect(generated.CustomPayload.decode(bytes).members).toEqual({ a: '10.0', b: '{"x":"é"}' });
    expect(decodePayload(spec, bytes)).toEqual({ a: new JsonText('10.0'), b: new JsonText('{"x":"é"}') });
  });

  test('with `only` hold just those fields', () => {
    const payload = { name: 'echo', args: new JsonText('{}'), headers: { cookie: 'secret' } };
    const bytes = encodePayload(HOOKS.tool_pre_invoke, payload, ['name', 'args']);
    expect(decodePayload(HOOKS.tool_pre_invoke, bytes)).toEqual({ ...payload, headers: {} });
    expect(decodePayload(HOOKS.tool_pre_invoke, bytes, ['name'])).toEqual({ name: 'echo' });
  });

  test('fields of a later version are skipped', () => {
    const bytes = encodePayload(HOOKS.tool_post_invoke, { name: 'echo', result: new JsonText('1') });
    const unknown = [
      0x78, 0x05, 0x7a, 0x01, 0x41, 0x79, 1, 2, 3, 4, 5, 6, 7, 8, 0x7d, 1, 2, 3, 4, 0x80, 0x01, 0x01,
    ];
    expect(decodePayload(HOOKS.tool_post_invoke, Uint8Array.from([...unknown, ...bytes]))).toEqual({
      name: 'echo',
      result: new JsonText('1'),
    });
  });

  test('a header named __proto__ is a header', () => {
    const spec = HOOKS.http_pre_request;
    const theirs = Uint8Array.from([0x2a, 14, 0x0a, 9, ...Buffer.from('__proto__'), 0x12, 1, 0x41]);
    const { headers } = decodePayload(spec, theirs) as { headers: object };
    expect(Object.entries(headers)).toEqual([['__proto__', 'A']]);
  });

  test('whatever comes is a payload or PROTOCOL_ERROR, never a hang or another error', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 60 }),
        fc.constantFrom(...Object.values(HOOKS)),
        (bytes, spec) => {
          try {
            decodePayload(spec, bytes);
          } catch (error) {
            expect(error).toMatchObject({ code: 'PROTOCOL_ERROR' });
          }
        },
      ),
      { numRuns: 3_000 },
    );
  });

  test.each([
    [[0x0a]],
    [[0x0a, 5, 0x41]],
    [[0x80]],
    [[0x0b]],
    [[0x00, 0x01]],
    [Array<number>(12).fill(0xff)],
  ])('cut or senseless bytes %j are PROTOCOL_ERROR', (bytes) => {
    expect(() => decodePayload(HOOKS.tool_pre_invoke, Uint8Array.from(bytes))).toThrow(
      expect.objectContaining({ code: 'PROTOCOL_ERROR' }),
    );
  });
});

test('utf8Length is exact', () => {
  fc.assert(
    fc.property(text, (value) => {
      expect(utf8Length(value)).toBe(Buffer.from(value).length);
    }),
  );
});
