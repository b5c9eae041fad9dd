import { dirname } from 'node:path';
import { BulkheadError, ErrorCode, type Problem } from '@bulkhead/proto';
import { compileSchema, problemsFromAjv } from '@bulkhead/proto/rules/schema';
import { treeAt, valueOf, type SourceTree } from '../manifest/source-tree.js';
import { resolveAudit } from './audit-section.js';
import type { BulkheadFile } from './bulkhead-file.js';
import { schemaOfSections } from './bulkhead-schema.js';
import type { HostConfig } from './config.js';
import { settle } from './merge.js';
import { readMergedTree } from './read-merged-tree.js';
import { resolveReferences } from './references.js';
import { createReport } from './report.js';
import { resolveHost, resolveStore } from './resolve-sections.js';
import { resolveSecrets } from './secrets-section.js';

/** What must be known before the rest of a configuration can be read: where the store is, and the key of the secrets in it. */
export type FoundationConfig = Pick<HostConfig, 'environment' | 'host' | 'store' | 'audit' | 'secrets'>;

const NAMES = ['environment', 'host', 'store', 'audit', 'secrets'] as const;
type Sections = Pick<BulkheadFile, (typeof NAMES)[number]>;
const validators: { sections?: ReturnType<typeof compileSchema<Sections>> } = {};

export interface FoundationOverrides {
  readonly dataDir?: string;
}

/**
 * Reads the sections that stand on no others from bulkhead.yaml and its overlay. They may refer to the environment, and
 * not to secrets.
 *
 * @param file absolute
 * @throws CONFIG_INVALID when a file cannot be read, or something is wrong in those sections
 */
export async function loadFoundation(
  file: string,
  readEnv: (name: string) => string | undefined,
  overrides: FoundationOverrides = {},
): Promise<FoundationConfig> {
  return resolveFoundation(await readMergedTree(file), dirname(file), readEnv, overrides, file);
}

/** The same for a tree that is there already; relative paths count from `baseDirectory`. */
export function resolveFoundation(
  tree: SourceTree,
  baseDirectory: string,
  readEnv: (name: string) => string | undefined,
  { dataDir }: FoundationOverrides = {},
  file?: string,
): FoundationConfig {
  const own = sectionsOf(tree);
  const report = createReport(() => own);
  const resolved = resolveReferences(own, {
    readEnv,
    mayRead: () => true,
    problem: (keys, message, origin) => {
      report.problem(keys, message, undefined, origin);
    },
  });
  const parsed: unknown = valueOf(settle(resolved).tree);
  validators.sections ??= compileSchema<Sections>(schemaOfSections(NAMES), {
    useDefaults: true,
    trusted: true,
  });
  const check = validators.sections;
  if (!check(parsed)) {
    throw invalid(
      file,
      problemsFromAjv(check.errors ?? [], parsed, { code: ErrorCode.CONFIG_INVALID }).map(
        ({ keys, ...problem }) => ({
          ...problem,
          path: keys.join('.'),
          ...(file === undefined ? {} : { file }),
        }),
      ),
    );
  }
  const written = resolveHost(parsed, baseDirectory, report);
  const host = dataDir === undefined ? written : { ...written, dataDir };
  const secrets = resolveSecrets(parsed.secrets, { dataDir: host.dataDir, baseDirectory, report });
  const store = resolveStore(parsed.store, report);
  if (report.problems.length > 0) throw invalid(file, report.problems);
  return { environment: parsed.environment, host, store, audit: resolveAudit(parsed.audit), secrets };
}

/** What was read; when it cannot be, everything that is wrong with the configuration is told, not what stands in the way alone. */
export async function foundationOrAllProblems(
  read: () => FoundationConfig | Promise<FoundationConfig>,
  loadAll: () => Promise<unknown>,
): Promise<FoundationConfig> {
  try {
    return await read();
  } catch (error) {
    await loadAll();
    throw error;
  }
}

/** What stands elsewhere may be wrong, or refer to what can only be read later. */
function sectionsOf(tree: SourceTree): SourceTree {
  if (tree.kind !== 'map') return tree;
  const entries = NAMES.flatMap((name) => {
    const section = treeAt(tree, [name]);
    return section === undefined ? [] : [[name, section] as const];
  });
  return { ...tree, entries: new Map(entries) };
}

function invalid(file: string | undefined, problems: readonly Problem[]): BulkheadError {
  return new BulkheadError(ErrorCode.CONFIG_INVALID, `${file ?? 'the configuration'} is not valid`, {
    problems,
  });
}
