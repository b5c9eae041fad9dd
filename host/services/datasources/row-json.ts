import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { MAX_RESULT_BYTES } from './query.js';

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

/** The texts of rows, within the bound of one answer. */
export class RowTexts {
  readonly rows: string[] = [];
  #bytes = 0;

  /** @throws QUOTA_EXCEEDED when the rows together are too large */
  add(text: string): void {
    this.#bytes += Buffer.byteLength(text);
    if (this.#bytes > MAX_RESULT_BYTES) {
      throw new BulkheadError(
        ErrorCode.QUOTA_EXCEEDED,
        `the rows have more than ${String(MAX_RESULT_BYTES)} bytes; ask for fewer rows or columns`,
      );
    }
    this.rows.push(text);
  }
}

/** Collects as many rows as were asked for. */
export class RowCollector {
  truncated = false;
  readonly #texts = new RowTexts();
  readonly #maxRows: number;

  constructor(maxRows: number) {
    this.#maxRows = maxRows;
  }

  get rows(): readonly string[] {
    return this.#texts.rows;
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
    this.#texts.add(rowJson(row));
    return true;
  }
}
