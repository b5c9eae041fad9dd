import { Ajv } from 'ajv';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { draftOf, unknownDraft, withFormats, type Draft } from './compile.js';
import type { JsonSchema } from './problem.js';

/** Characters of JSON; what is larger takes too long to compile. */
const MAX_CHARS = 64 * 1024;
/** Schemas that one judge has seen before another one takes its place, so that nothing gathers in it. */
const MAX_JUDGED = 1_000;
const OPTIONS = { strict: false, logger: false, addUsedSchema: false } as const;
/** An id below the root would be known to later schemas too. */
const INNER_ID = /"\$id":"/;

interface Judge {
  readonly ajv: Ajv | Ajv2019 | Ajv2020;
  judged: number;
}

const judges = new Map<Draft, Judge>();

/**
 * What is wrong with a JSON Schema that somebody wrote; undefined: it can be used. To make an engine for each takes about
 * a hundred times as long, and whoever sends many at once must not stop the host.
 */
export function schemaFault(schema: JsonSchema): string | undefined {
  const draft = draftOf(schema);
  if (draft === undefined) return unknownDraft(schema);
  const { $id: _id, $schema: _draft, ...rest } = schema;
  const text = JSON.stringify(rest);
  if (text.length > MAX_CHARS)
    return `expected at most ${String(MAX_CHARS)} characters, got ${String(text.length)}`;
  if (INNER_ID.test(text)) return "expected no '$id' below the root";
  const { ajv } = judgeOf(draft);
  try {
    if (ajv.validateSchema(rest) !== true) return ajv.errorsText(ajv.errors, { dataVar: 'schema' });
    ajv.compile(rest);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    ajv.removeSchema(rest);
  }
}

function judgeOf(draft: Draft): Judge {
  const known = judges.get(draft);
  if (known !== undefined && known.judged < MAX_JUDGED) {
    known.judged += 1;
    return known;
  }
  const judge = { ajv: createAjv(draft), judged: 1 };
  judges.set(draft, judge);
  return judge;
}

function createAjv(draft: Draft): Judge['ajv'] {
  if (draft === '2020-12') return withFormats(new Ajv2020(OPTIONS));
  return withFormats(draft === '2019-09' ? new Ajv2019(OPTIONS) : new Ajv(OPTIONS));
}
