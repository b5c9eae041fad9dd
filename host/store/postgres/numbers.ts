import pg from 'pg';

const { BYTEA, INT8, NUMERIC } = pg.types.builtins;

/** Reads columns as SQLite does: whole numbers as numbers, bytes as Uint8Array. */
export const TYPES: pg.CustomTypesConfig = {
  getTypeParser: (type: number, format?: 'text' | 'binary') => {
    switch (type) {
      case INT8:
        return toInteger;
      // What sum() and avg() of whole numbers answer.
      case NUMERIC:
        return Number;
      case BYTEA:
        return toBytes;
      default:
        return format === undefined ? pg.types.getTypeParser(type) : pg.types.getTypeParser(type, format);
    }
  },
};

/** @throws RangeError past 2^53, as SQLite's driver does */
function toInteger(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  throw new RangeError(`expected a whole number up to 2^53, got ${text}`);
}

function toBytes(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.slice('\\x'.length), 'hex'));
}
