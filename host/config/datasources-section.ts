import { join } from 'node:path';
import { parsePrivateRule } from '@bulkhead/proto/rules';
import type { JsonSchema } from '@bulkhead/proto/rules/schema';
import type { Report } from './report.js';

/** `datasources` after the schema, defaults filled in. */
export interface DatasourcesSection {
  readonly sqlite_folders: readonly string[];
  readonly allow_private: readonly string[];
}

/** Where data sources may lead, whoever wrote them. */
export interface DatasourcesConfig {
  /** A SQLite file lies directly in one of these, or in `ownFolder`. Absolute. */
  readonly sqliteFolders: readonly string[];
  /** Of the data directory what is for data sources; need not be there. */
  readonly ownFolder: string;
  /** Where HTTP data sources may go outside the public internet: names, addresses, ranges. */
  readonly allowPrivate: readonly string[];
}

const texts = { type: 'array', items: { type: 'string' }, 'x-expected': 'a list of texts', default: [] };

export const DATASOURCES_SCHEMA: JsonSchema = {
  type: 'object',
  additionalProperties: false,
  default: {},
  description: 'Where data sources may lead.',
  properties: {
    sqlite_folders: {
      ...texts,
      description:
        'Folders whose SQLite files data sources may open, each file directly in one; besides them `datasources` in data_dir.',
    },
    allow_private: {
      ...texts,
      description: 'Names, addresses and ranges outside the public internet where HTTP data sources may go.',
    },
  },
};

export function resolveDatasources(
  section: DatasourcesSection,
  { dataDir, absolute }: { readonly dataDir: string; readonly absolute: (path: string) => string },
  report: Pick<Report, 'problem'>,
): DatasourcesConfig {
  for (const [index, line] of section.allow_private.entries()) {
    const parsed = parsePrivateRule(line);
    if (!parsed.ok) report.problem(['datasources', 'allow_private', index], `${parsed.message}.`);
  }
  return {
    sqliteFolders: section.sqlite_folders.map((folder) => absolute(folder)),
    ownFolder: join(dataDir, 'datasources'),
    allowPrivate: section.allow_private,
  };
}
