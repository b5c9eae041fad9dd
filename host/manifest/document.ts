import { ErrorCode, type Problem } from '@bulkhead/proto';
import { LineCounter, isAlias, isMap, isScalar, isSeq, parseDocument, type Document, type Node } from 'yaml';
import { MAX_TREE_DEPTH, type Origin, type SourceTree } from './source-tree.js';

/** Largest file that a person writes for the host, in bytes. */
export const MAX_DOCUMENT_BYTES = 1024 * 1024;
/** Most values in one document, aliases followed: a bound on what a few anchors can blow up to. */
export const MAX_DOCUMENT_VALUES = 100_000;

export type ParsedDocument =
  | { readonly ok: true; readonly tree: SourceTree }
  | { readonly ok: false; readonly problems: readonly Problem[] };

export interface ParseDocumentOptions {
  /** As shown in messages. */
  readonly file: string;
  readonly layer: string;
  /** Code of a problem. */
  readonly code: ErrorCode;
}

/** A fault at an offset of the text. */
class Fault extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/**
 * Parses YAML 1.2, or JSON when the file's name ends so, into a tree that knows the line of every value. A key twice,
 * a tag of its own, a number that is none and a document that grows without end are faults. An empty file is an empty map.
 */
export function parseDocumentText(text: string, options: ParseDocumentOptions): ParsedDocument {
  const { file, code } = options;
  const lines = new LineCounter();
  const lineOf = (offset: number): number => Math.max(1, lines.linePos(offset).line);
  const fault = (message: string, offset: number): Problem => ({ code, message, file, line: lineOf(offset) });
  const source = text.startsWith('\uFEFF') ? text.slice(1) : text;

  const document = parseDocument(source, {
    lineCounter: lines,
    prettyErrors: false,
    stringKeys: true,
    logLevel: 'error',
  });
  const faults = [...document.errors, ...document.warnings].map((error) =>
    fault(`${sentence(error.message)}`, error.pos[0]),
  );
  if (faults.length > 0) return { ok: false, problems: faults };
  if (file.endsWith('.json')) {
    try {
      JSON.parse(source === '' ? '{}' : source);
    } catch (error) {
      return {
        ok: false,
        problems: [
          { code, message: `expected JSON: ${sentence(String(error))}`, file, line: jsonLine(error, source) },
        ],
      };
    }
  }
  const origin = (offset: number): Origin => ({ layer: options.layer, file, line: lineOf(offset) });
  try {
    const root: Node | null = document.contents;
    const empty = root === null || (isScalar(root) && root.value === null);
    const tree: SourceTree = empty
      ? { kind: 'map', entries: new Map(), origin: origin(0) }
      : reader(document, origin)(root, root.range?.[0] ?? 0, 0);
    return { ok: true, tree };
  } catch (error) {
    if (error instanceof Fault) return { ok: false, problems: [fault(error.message, error.offset)] };
    throw error;
  }
}

function reader(document: Document, origin: (offset: number) => Origin) {
  let values = 0;
  // `offset` is the place to name: of a member its key, of an item the item.
  const read = (node: unknown, offset: number, depth: number): SourceTree => {
    values++;
    if (values > MAX_DOCUMENT_VALUES)
      throw new Fault(`expected at most ${MAX_DOCUMENT_VALUES} values, aliases followed; got more.`, offset);
    if (depth > MAX_TREE_DEPTH)
      throw new Fault(`expected at most ${MAX_TREE_DEPTH} levels, got more.`, offset);
    if (isAlias(node)) {
      const target = node.resolve(document);
      if (target === undefined)
        throw new Fault(`the alias '*${node.source}' has no anchor before it.`, offset);
      return read(target, offset, depth + 1);
    }
    if (isMap(node)) {
      const entries = new Map<string, SourceTree>();
      for (const pair of node.items) {
        const keyOffset = isScalar(pair.key) ? (pair.key.range?.[0] ?? offset) : offset;
        const key = isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
        if (key === '<<') throw new Fault("merge keys ('<<') are not read; write the keys out.", keyOffset);
        entries.set(key, read(pair.value, keyOffset, depth + 1));
      }
      return { kind: 'map', entries, origin: origin(offset) };
    }
    if (isSeq(node)) {
      const items = node.items.map((item) => read(item, rangeStart(item) ?? offset, depth + 1));
      return { kind: 'list', items, origin: origin(offset) };
    }
    const value: unknown = isScalar(node) ? node.value : null;
    if (value === null || typeof value === 'string' || typeof value === 'boolean')
      return { kind: 'value', value, origin: origin(offset) };
    if (typeof value === 'number' && Number.isFinite(value))
      return { kind: 'value', value, origin: origin(offset) };
    throw new Fault(`expected text, a number, true, false or null, got ${String(value)}.`, offset);
  };
  return read;
}

function rangeStart(node: unknown): number | undefined {
  return isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range?.[0] : undefined;
}

function sentence(message: string): string {
  const line = message.split('\n')[0] ?? message;
  return line.endsWith('.') ? line : `${line}.`;
}

function jsonLine(error: unknown, text: string): number {
  const position = /position (\d+)/.exec(String(error))?.[1];
  if (position === undefined) return text.split('\n').length;
  return text.slice(0, Number(position)).split('\n').length;
}
