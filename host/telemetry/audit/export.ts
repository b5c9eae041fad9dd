import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { compileSchema } from '@bulkhead/proto/rules/schema';
import type { Store } from '../../store/store.js';
import type { ChainEntry, ChainHead, Checkpoint } from './chain.js';
import { claimsOf } from './claims.js';
import { storedSource } from './stored-source.js';
import type { AuditSource } from './verify.js';

/** One line of an export: every head and checkpoint first, then the entries chain by chain. */
type ExportLine =
  { readonly head: ChainHead } | { readonly checkpoint: Checkpoint } | { readonly entry: ChainEntry };

/** The whole audit log as lines of JSON, without line ends; `verifyAudit` takes them through `exportedSource`. */
export async function* exportAudit(store: Store): AsyncGenerator<string> {
  const source = storedSource(store);
  const line = (value: ExportLine): string => JSON.stringify(value);
  // Heads first: what comes after them is not part of the export.
  const heads = await source.heads();
  for (const head of heads) yield line({ head });
  for (const checkpoint of await source.checkpoints()) yield line({ checkpoint });
  const ends = new Map(heads.map(({ host, seq }) => [host, seq]));
  for (const host of await source.hosts()) {
    const end = ends.get(host) ?? Infinity;
    for await (const entry of source.entries(host)) {
      if (entry.seq > end) break;
      yield line({ entry });
    }
  }
}

/** The audit log in a file that `exportAudit` wrote. It is read anew for each question, so it may be of any size. */
export function exportedSource(file: string): AuditSource {
  const collect = async <T>(pick: (line: ExportLine) => T | undefined): Promise<T[]> => {
    const found: T[] = [];
    for await (const line of linesOf(file)) {
      const one = pick(line);
      if (one !== undefined) found.push(one);
    }
    return found;
  };
  return {
    heads: () => collect((line) => ('head' in line ? line.head : undefined)),
    checkpoints: () => collect((line) => ('checkpoint' in line ? line.checkpoint : undefined)),
    async hosts() {
      const hosts = new Set<string>();
      for await (const line of linesOf(file)) if ('entry' in line) hosts.add(line.entry.host);
      return [...hosts];
    },
    async *claims() {
      for await (const line of linesOf(file)) if ('entry' in line) yield* claimsOf(line.entry);
    },
    async *entries(host) {
      for await (const line of linesOf(file))
        if ('entry' in line && line.entry.host === host) yield line.entry;
    },
  };
}

async function* linesOf(file: string): AsyncGenerator<ExportLine> {
  const lines = createInterface({ input: createReadStream(file, 'utf8'), crlfDelay: Infinity });
  let number = 0;
  try {
    for await (const line of lines) {
      number += 1;
      if (line !== '') yield parseLine(line, file, number);
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      throw new BulkheadError(ErrorCode.NOT_FOUND, `there is no file ${file}`, { cause: error });
    throw error;
  }
}

const place = { host: { type: 'string' }, seq: { type: 'integer' }, hash: { type: 'string' } };
const textOrNull = { type: ['string', 'null'] };
const object = (properties: Readonly<Record<string, object>>) => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
});
const signed = { ...place, at: { type: 'integer' }, signature: { type: 'string' } };
const isLine = compileSchema<ExportLine>(
  {
    oneOf: [
      object({ head: object({ ...signed, public_key: { type: 'string' } }) }),
      object({ checkpoint: object(signed) }),
      object({
        entry: object({
          ...place,
          prev: { type: 'string' },
          at: { type: 'integer' },
          actor_kind: { type: 'string' },
          actor_id: { type: 'string' },
          action: { type: 'string' },
          target: textOrNull,
          outcome: { type: 'string' },
          code: textOrNull,
          reason: textOrNull,
          request_id: textOrNull,
          details: textOrNull,
        }),
      }),
    ],
  },
  { trusted: true },
);

function parseLine(text: string, file: string, number: number): ExportLine {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (isLine(value)) return value;
  throw new BulkheadError(
    ErrorCode.AUDIT_BROKEN,
    `${file}, line ${number}: expected a head, a checkpoint or an entry of an exported audit log`,
  );
}
