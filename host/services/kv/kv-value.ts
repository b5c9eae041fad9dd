import { KvEncoding } from '@bulkhead/proto/host';
import type { KvTable } from '../../store/tables/kv.js';

/** A value as a plugin gives it. */
export interface KvValue {
  readonly value: Uint8Array;
  readonly encoding: KvEncoding;
}

const WHOLE_NUMBER = /^(?:0|-?[1-9]\d{0,15})$/;
/** The longest text of one: 16 digits and a sign. */
const MAX_NUMBER_BYTES = 17;

/** The columns that hold a value. JSON text of a whole number is kept as a number, so that the store can add to it. */
export function toColumns({ value, encoding }: KvValue): Pick<KvTable, 'encoding' | 'number' | 'value'> {
  if (encoding !== KvEncoding.KV_ENCODING_JSON) return { encoding: 0, number: null, value };
  const number = value.length <= MAX_NUMBER_BYTES ? wholeNumber(value) : undefined;
  return number === undefined
    ? { encoding: KvEncoding.KV_ENCODING_JSON, number: null, value }
    : { encoding: KvEncoding.KV_ENCODING_JSON, number, value: null };
}

export function fromColumns(row: Pick<KvTable, 'encoding' | 'number' | 'value'>): KvValue {
  const json = Number(row.encoding) === KvEncoding.KV_ENCODING_JSON;
  return {
    value: row.number === null ? (row.value ?? new Uint8Array()) : Buffer.from(String(row.number)),
    encoding: json ? KvEncoding.KV_ENCODING_JSON : KvEncoding.KV_ENCODING_UNSPECIFIED,
  };
}

function wholeNumber(value: Uint8Array): number | undefined {
  const text = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1');
  if (!WHOLE_NUMBER.test(text)) return undefined;
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : undefined;
}
