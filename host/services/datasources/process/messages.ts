import { ErrorCode } from '@bulkhead/proto';
import { isPlainObject } from '@bulkhead/proto/rules';
import type { SqliteFolders } from './sqlite-file.js';

/** What a process is told once, as its first frame: where it asks, and how. Passwords come this way only. */
export type SourceSettings = SqliteSettings | PostgresSettings | JsonSettings;

export interface SqliteSettings {
  readonly kind: 'sqlite';
  readonly path: string;
  readonly readOnly: boolean;
  readonly folders: SqliteFolders;
}

export interface PostgresSettings {
  readonly kind: 'postgres';
  readonly url: string;
  readonly readOnly: boolean;
}

/** Finds the rows in an answer that somebody else fetched. */
export interface JsonSettings {
  readonly kind: 'json';
}

/** One question: a frame of JSON, and behind it a frame of text: parameters as a JSON list, or of `json` the answer. */
export interface Question {
  /** Of SQL. */
  readonly sql: string;
  /** Of json: where in the answer the rows stand. */
  readonly pointer: string;
  readonly maxRows: number;
  readonly timeoutMs: number;
}

/** The first frame of an answer; of one that is right so many frames follow, each the JSON text of a row. */
export type AnswerHead =
  | {
      readonly ok: true;
      readonly columns: readonly string[];
      readonly rows: number;
      readonly truncated: boolean;
      readonly changedRows: number;
    }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string };

const CODES: ReadonlySet<string> = new Set(Object.values(ErrorCode));

/** @throws Error for what is no such head */
export function parseAnswerHead(text: string): AnswerHead {
  const value: unknown = JSON.parse(text);
  if (isPlainObject(value)) {
    const { ok, columns, rows, truncated, changedRows, code, message } = value;
    if (
      ok === true &&
      isTexts(columns) &&
      isCount(rows) &&
      isCount(changedRows) &&
      typeof truncated === 'boolean'
    )
      return { ok, columns, rows, truncated, changedRows };
    if (ok === false && isCode(code) && typeof message === 'string') return { ok, code, message };
  }
  throw new Error('expected the head of an answer, got something else');
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && CODES.has(value);
}
