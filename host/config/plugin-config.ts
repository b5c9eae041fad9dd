import { join } from 'node:path';
import type { Keys } from '@bulkhead/proto/rules/schema';
import type { Manifest } from '../manifest/manifest.js';
import { originAt, treeAt, treeFromValue, valueOf, type SourceTree } from '../manifest/source-tree.js';
import { systemClock } from '../clock.js';
import { describeHidden, plainly } from './bulkhead-file.js';
import { createConfigChecks, type ConfigChecks } from './check-plugin-config.js';
import { mergeLayers, missingFrom, settle } from './merge.js';
import { readConfigFile } from './read-tree.js';
import { holdsReference, resolveReferences, type ReferenceRules } from './references.js';
import type { Report } from './report.js';

export interface PluginConfigContext {
  /** The entry's name. */
  readonly name: string;
  readonly manifest: Manifest;
  readonly directory: string;
  readonly dataDir: string;
  /** `config` of the entry as merged from bulkhead.yaml and its overlay, references resolved, nulls still in it. */
  readonly written: SourceTree | undefined;
  /** What was changed of it by other means than a file, references not resolved. */
  readonly stored: SourceTree | undefined;
  readonly references: ReferenceRules;
  readonly report: Report;
}

export interface ResolvedPluginConfig {
  readonly config: Readonly<Record<string, unknown>>;
  /** Every value with where it came from. */
  readonly tree: SourceTree;
}

const DEFAULT_ORIGIN = { layer: 'schema default' };

/**
 * The configuration that a plugin gets. Layers, later wins: defaults of the schema, the file that the package ships,
 * what bulkhead.yaml and its overlay say, the operator's file in the data directory, the host's store.
 */
export async function resolvePluginConfig(context: PluginConfigContext): Promise<ResolvedPluginConfig> {
  const checks = createConfigChecks(systemClock);
  try {
    return await resolveWith(checks, context);
  } finally {
    await checks.close();
  }
}

async function resolveWith(
  checks: ConfigChecks,
  context: PluginConfigContext,
): Promise<ResolvedPluginConfig> {
  const { manifest, report, written, stored } = context;
  const keys: Keys = ['plugins', context.name, 'config'];
  const schema = manifest.configSchema;
  const defaults = treeFromValue(await checks.defaults(schema), DEFAULT_ORIGIN);
  const shipped = await fileLayer(context.directory, 'package file', report);
  const operator = await fileLayer(join(context.dataDir, 'config', manifest.id), "operator's file", report);
  if (shipped !== undefined) noticeReferences(shipped, context, []);

  const layers = [
    defaults,
    shipped,
    written,
    operator === undefined ? undefined : resolveReferences(operator, context.references, keys),
    stored === undefined ? undefined : resolveReferences(stored, context.references, keys),
  ];
  const { tree, removed } = settle(mergeLayers(layers.filter((layer) => layer !== undefined)));
  const checked = await checks.check(schema, valueOf(tree), {
    prefix: keys,
    removed: [...removed, ...missingFrom(tree, defaults)],
    describeValue: (at, value) => describeHidden(treeAt(tree, at.slice(keys.length))) ?? plainly(value),
  });
  if (checked.ok) return { config: checked.config, tree: withOrigins(checked.config, tree, []) };
  for (const problem of checked.problems) {
    const inner = problem.keys.slice(keys.length);
    if (isUnread(tree, inner)) continue;
    const origin = originAt(tree, inner);
    // Where nobody says anything (a key is missing), the entry itself is the place to look at.
    report.schemaProblem(problem, (origin.file ?? origin.by) === undefined ? undefined : origin);
  }
  return { config: {}, tree };
}

/** What nobody opened here cannot be wrong. */
function isUnread(tree: SourceTree, keys: Keys): boolean {
  return keys.some((_key, index) => {
    const at = treeAt(tree, keys.slice(0, index + 1));
    return at?.kind === 'value' && at.unread === true;
  });
}

async function fileLayer(folder: string, layer: string, report: Report): Promise<SourceTree | undefined> {
  const read = await readConfigFile(folder, layer);
  if (read.kind === 'failed') report.problems.push(...read.problems);
  return read.kind === 'read' ? read.tree : undefined;
}

function noticeReferences(tree: SourceTree, context: PluginConfigContext, keys: Keys): void {
  if (tree.kind === 'map')
    for (const [key, value] of tree.entries) noticeReferences(value, context, [...keys, key]);
  else if (tree.kind === 'list')
    for (const [index, item] of tree.items.entries()) noticeReferences(item, context, [...keys, index]);
  else if (typeof tree.value === 'string' && holdsReference(tree.value)) {
    const message = 'a reference in a file that the package ships is not resolved; it is taken as text.';
    context.report.notice('REFERENCE_NOT_RESOLVED', keys, message, context.name, tree.origin);
  }
}

/** The checked value again as a tree: where a layer said it, with that origin, else as a default of the schema. */
function withOrigins(value: unknown, told: SourceTree, keys: Keys): SourceTree {
  const known = treeAt(told, keys);
  const origin = known?.origin ?? DEFAULT_ORIGIN;
  if (Array.isArray(value)) {
    return {
      kind: 'list',
      items: value.map((item: unknown, index) => withOrigins(item, told, [...keys, index])),
      origin,
    };
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(
      ([key, inner]) => [key, withOrigins(inner, told, [...keys, key])] as const,
    );
    return { kind: 'map', entries: new Map(entries), origin };
  }
  return known?.kind === 'value' ? known : treeFromValue(value, origin);
}
