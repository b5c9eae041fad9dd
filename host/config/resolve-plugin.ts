import { fileURLToPath } from 'node:url';
import { dirname } from 'node:path';
import { parsePrivateRule, readContributions, type HookSpec } from '@bulkhead/proto/rules';
import { NO_PERMISSIONS } from '@bulkhead/proto/rules/schema';
import { checkCompat, type HostVersions } from '../manifest/compat.js';
import { findPluginNode } from '../manifest/plugin-node.js';
import type { Manifest, Maturity } from '../manifest/manifest.js';
import { originAt, treeAt, type SourceTree } from '../manifest/source-tree.js';
import type { BulkheadFile, PluginEntry } from './bulkhead-file.js';
import type { HostConfig, PluginConfig } from './config.js';
import type { FoundPlugin, PluginLookup } from './lookup.js';
import type { GrantLookup, Placement } from './effective-grant.js';
import { failsClosed, resolveMode } from './modes.js';
import { resolveServiceBudgets } from './service-budgets.js';
import { resolvePluginConfig } from './plugin-config.js';
import type { ReferenceRules } from './references.js';
import type { Report } from './report.js';
import { resolveLimits } from './resource-limits.js';
import { resolveGrants, writtenGrants } from './resolve-grants.js';
import { resolveObjectHooks } from './resolve-object-hooks.js';
import { resolveRemote } from './resolve-remote.js';
import { commonMode, resolveHooks, resolveOnError } from './resolve-hooks.js';
import { absolute } from './resolve-sections.js';

export const DEFAULT_MAX_IN_FLIGHT = 256;
export const DEFAULT_MAX_QUEUE = 1_024;

export interface PluginContext {
  readonly file: BulkheadFile;
  readonly host: HostConfig['host'];
  /** The merged configuration, references resolved, nulls still in it. */
  readonly merged: SourceTree;
  readonly baseDirectory: string;
  readonly versions: HostVersions;
  readonly specOf: (hook: string) => HookSpec | undefined;
  readonly hookNames: readonly string[];
  readonly references: ReferenceRules;
  readonly grants: GrantLookup;
  /** `config` of the entry in the store's layer. */
  readonly storedConfig: SourceTree | undefined;
  readonly report: Report;
}

export interface ResolvedPlugin {
  readonly plugin: PluginConfig;
  readonly configTree: SourceTree;
}

/** The plugin that an entry means; undefined, with the reason told, when there is none. */
export async function findPlugin(
  name: string,
  entry: PluginEntry,
  context: Pick<PluginContext, 'merged' | 'baseDirectory' | 'report'>,
  lookup: PluginLookup,
): Promise<FoundPlugin | undefined> {
  const { report, baseDirectory } = context;
  const member = entry.plugin === undefined ? 'kind' : 'plugin';
  const wanted = entry.plugin ?? entry.kind;
  const keys = wanted === undefined ? ['plugins', name] : ['plugins', name, member];
  if (entry.plugin !== undefined && entry.kind !== undefined) {
    report.problem(['plugins', name, 'kind'], "'plugin' and 'kind' say the same thing; write one of them.");
  }
  if (wanted === undefined && (entry.command ?? entry.address) !== undefined)
    return ownCommand(name, entry, baseDirectory);
  const asDirectory = wanted !== undefined && namesDirectory(wanted);
  const { file } = originAt(context.merged, keys);
  const found = asDirectory
    ? await lookup.byDirectory(absolute(file === undefined ? baseDirectory : dirname(file), wanted))
    : lookup.byName(wanted ?? name);
  if (found.ok) {
    if (found.plugin.alias !== undefined) report.notice('ALIAS_USED', keys, found.plugin.alias, name);
    return found.plugin;
  }
  if (entry.enabled === false || entry.is_active === false) {
    report.notice(
      'PLUGIN_NOT_FOUND',
      keys,
      'the plugin of this entry is not there; nothing is missed while it is not enabled.',
      name,
    );
    return undefined;
  }
  for (const problem of found.problems) {
    if (problem.file === undefined) report.problem(keys, problem.message, problem.code);
    else report.problems.push(problem);
  }
  return undefined;
}

function namesDirectory(wanted: string): boolean {
  return /^(?:\.{0,2}\/|\.{1,2}$)/.test(wanted);
}

/** Where an entry's plugin comes from. */
function placementOf({ plugin, kind, command, address }: PluginEntry): Placement {
  const wanted = plugin ?? kind;
  if (wanted === undefined) return (command ?? address) === undefined ? 'installed' : 'command';
  return namesDirectory(wanted) ? 'directory' : 'installed';
}

/** A program without a package declares nothing itself, so the entry's own hooks are its declaration. */
function ownCommand(name: string, entry: PluginEntry, directory: string): FoundPlugin {
  const { hooks = [], hook_type: single } = entry;
  const names = [
    ...(Array.isArray(hooks) ? hooks.map(String) : Object.keys(hooks)),
    ...(single === undefined ? [] : [single]),
  ];
  const manifest: Manifest = {
    id: name,
    name,
    version: '0.0.0',
    description: entry.description ?? '',
    hooks: Object.fromEntries(names.map((hook) => [hook, {}])),
    customHooks: [],
    permissions: { ...NO_PERMISSIONS, ...writtenGrants(entry) },
    configSchema: { type: 'object', additionalProperties: true },
    instances: (entry.instances ?? 1) > 1 ? 'many' : 'single',
    limits: {},
    compat: { api: [] },
    // What an SDK holds its registrations against.
    contributions: readContributions({}),
    source: { hooks: names },
  };
  return { directory, manifest, notices: [] };
}

/** An entry whose plugin was found, resolved as far as it goes; faults are told to the report. */
export async function resolvePlugin(
  name: string,
  entry: PluginEntry,
  found: FoundPlugin,
  context: PluginContext,
): Promise<ResolvedPlugin> {
  const { report, file, host } = context;
  const { manifest, directory } = found;
  const keys = ['plugins', name];
  for (const notice of found.notices) report.notices.push({ ...notice, plugin: name });

  const named = entry.mode === undefined ? undefined : resolveMode(entry.mode);
  if (named?.alias === true) noticeMode(entry, name, report);
  const enabled = (entry.enabled ?? entry.is_active ?? true) && named?.mode !== 'disabled';
  const onError = resolveOnError(entry);
  const hooks = resolveHooks({
    name,
    entry,
    manifest,
    specOf: context.specOf,
    hookNames: context.hookNames,
    callTimeoutMs: file.limits.call_timeout_ms,
    report,
  });
  const instances = entry.instances ?? 1;
  if (instances > 1 && manifest.instances === 'single') {
    const message = `expected 1, got ${instances}: ${manifest.id} keeps its state in one process (its manifest does not say instances: many).`;
    report.problem([...keys, 'instances'], message);
  }
  const ownNode = entry.command === undefined ? await findPluginNode(directory) : undefined;
  const versions = ownNode === undefined ? context.versions : { ...context.versions, node: ownNode.version };
  if (enabled) {
    for (const problem of checkCompat(manifest, versions))
      report.problem(keys, problem.message, problem.code);
    const open = hooks.filter((hook) => opens(hook.mode, onError));
    if (open.length > 0)
      sayFailsOpen(
        name,
        open.map((hook) => hook.hook),
        file,
        report,
      );
    sayMaturity(name, manifest.maturity, file, report);
  }
  const grants = await resolveGrants({
    name,
    entry,
    enabled,
    manifest,
    placement: placementOf(entry),
    environment: file.environment,
    grants: context.grants,
    report,
  });
  const { config, tree } = await resolvePluginConfig({
    name,
    manifest,
    directory,
    dataDir: host.dataDir,
    written: treeAt(context.merged, [...keys, 'config']),
    stored: context.storedConfig,
    references: context.references,
    report,
  });
  const remote = resolveRemote({ ...context, name, entry, environment: file.environment });
  const command = resolveCommand(entry, originAt(context.merged, [...keys, 'command']).file, context);
  return {
    configTree: tree,
    plugin: {
      name,
      enabled,
      manifest,
      directory,
      mode: named?.mode ?? commonMode(hooks),
      onError,
      hooks,
      objectHooks: resolveObjectHooks(name, entry, manifest, grants.granted.objectHooks, report),
      objectHookMode: named?.mode ?? 'sequential',
      instances,
      network: entry.network ?? 'unix',
      env: entry.env ?? {},
      networkPrivate: resolveNetworkPrivate(name, entry, report),
      maxInFlight: entry.max_in_flight ?? manifest.limits.maxInFlight ?? DEFAULT_MAX_IN_FLIGHT,
      maxQueue: entry.max_queue ?? DEFAULT_MAX_QUEUE,
      limits: resolveLimits(file.host.limits, entry.limits, manifest.limits),
      serviceBudgets: resolveServiceBudgets(file.services.limits, entry.service_limits),
      placement: placementOf(entry),
      ...grants,
      logLevel: entry.log_level ?? file.log.level,
      config,
      ...(command === undefined ? {} : { command }),
      ...(remote === undefined ? {} : { remote }),
      ...(ownNode === undefined ? {} : { nodePath: ownNode.path }),
    },
  };
}

function noticeMode(entry: PluginEntry, name: string, report: Report): void {
  const { mode, onError } = resolveMode(entry.mode ?? '');
  const meaning = onError === undefined ? mode : `${mode} with on_error: ${onError}`;
  report.notice(
    'ALIAS_USED',
    ['plugins', name, 'mode'],
    `mode '${entry.mode ?? ''}' is read as ${meaning}.`,
    name,
  );
}

/** A run that changes or refuses, and lets the request pass when the plugin is down. */
function opens(mode: PluginConfig['mode'], onError: PluginConfig['onError']): boolean {
  return (
    mode === 'transform' || ((mode === 'sequential' || mode === 'concurrent') && !failsClosed(mode, onError))
  );
}

function sayFailsOpen(name: string, hooks: readonly string[], file: BulkheadFile, report: Report): void {
  const message = `requests pass unchanged through ${[...new Set(hooks)].join(', ')} when this plugin cannot run. Use mode sequential with on_error: fail where that must not be.`;
  if (file.policy.fail_open === 'forbid')
    report.problem(['plugins', name], `policy.fail_open is forbid, and ${message}`);
  else report.notice('FAILS_OPEN', ['plugins', name], message, name);
}

const RANK: Readonly<Record<Maturity, number>> = { deprecated: 0, alpha: 1, beta: 2, stable: 3 };

function sayMaturity(name: string, maturity: Maturity | undefined, file: BulkheadFile, report: Report): void {
  // A plugin that says nothing has promised nothing.
  const is = maturity ?? 'alpha';
  const wanted = file.policy.min_maturity;
  const said =
    maturity === undefined ? 'it says nothing of its maturity, which counts as alpha' : `it is ${maturity}`;
  if (wanted !== undefined && RANK[is] < RANK[wanted]) {
    report.problem(['plugins', name], `policy.min_maturity is ${wanted}, and ${said}.`);
  } else if (file.environment === 'production' && is !== 'stable') {
    report.notice('NOT_STABLE', ['plugins', name], `runs in production, and ${said}.`, name);
  }
}

function resolveNetworkPrivate(name: string, entry: PluginEntry, report: Report): readonly string[] {
  const lines = entry.network_private ?? [];
  for (const [index, line] of lines.entries()) {
    const parsed = parsePrivateRule(line);
    if (!parsed.ok) report.problem(['plugins', name, 'network_private', index], `${parsed.message}.`);
  }
  return lines;
}

function resolveCommand(
  entry: PluginEntry,
  file: string | undefined,
  context: PluginContext,
): readonly [string, ...string[]] | undefined {
  if (entry.command === undefined) return undefined;
  const [program = '', ...args] = typeof entry.command === 'string' ? [entry.command] : entry.command;
  const base = file === undefined ? context.baseDirectory : dirname(file);
  const path = program.startsWith('file://') ? fileURLToPath(program) : program;
  return [/^\.{1,2}\//.test(path) ? absolute(base, path) : path, ...args];
}
