import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { MAX_RESULT_CHARS } from './query.js';

/**
 * A row as JSON text. Bytes are base64, times ISO 8601, whole numbers that a double cannot hold and numbers that are none
 * in JSON are texts.
 */
export function rowJson(row: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)])));
}

function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  }
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  return value;
}

/** Collects rows within the bounds of one answer. */
export class RowCollector {
  readonly rows: string[] = [];
  truncated = false;
  #chars = 0;
  readonly #maxRows: number;

  constructor(maxRows: number) {
    this.#maxRows = maxRows;
  }

  /**
   * @returns whether there is room for another one
   * @throws QUOTA_EXCEEDED when the rows together are too large
   */
  add(row: Readonly<Record<string, unknown>>): boolean {
    if (this.rows.length >= this.#maxRows) {
      this.truncated = true;
      return false;
    }
    const text = rowJson(row);
    this.#chars += text.length;
    if (this.#chars > MAX_RESULT_CHARS) {
      throw new BulkheadError(
        ErrorCode.QUOTA_EXCEEDED,
        `the rows have more than ${MAX_RESULT_CHARS} characters; ask for fewer rows or columns`,
      );
    }
    this.rows.push(text);
    return true;
  }
}
