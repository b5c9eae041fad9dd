import { existsSync } from 'node:fs';
import { dirname, join, parse, resolve } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { HOOKS, isBuiltInHook, type HookSpec } from '@bulkhead/proto/rules';
import type { Keys } from '@bulkhead/proto/rules/schema';
import type { HostVersions } from '../manifest/compat.js';
import { formatProblem, sortProblems } from '../manifest/format-problem.js';
import type { CustomHookDeclaration } from '../manifest/manifest.js';
import { treeAt, treeFromValue, type SourceTree } from '../manifest/source-tree.js';
import { resolveAudit } from './audit-section.js';
import { parseBulkheadFile, type BulkheadFile } from './bulkhead-file.js';
import type { HostConfig } from './config.js';
import { collectHooks, specOfCustom } from './custom-hooks.js';
import type { FoundPlugin, PluginLookup } from './lookup.js';
import { wantedPlugins } from './load-install.js';
import { EMPTY, mergeTrees, settle } from './merge.js';
import { namedListsAsMaps } from './named-lists.js';
import { readTree } from './read-tree.js';
import { resolveReferences, type ReferenceRules } from './references.js';
import { createReport, type Report } from './report.js';
import { withPluginServers } from './plugin-servers.js';
import { findPlugin, resolvePlugin } from './resolve-plugin.js';
import {
  absolute,
  resolveApps,
  resolveHost,
  resolveListen,
  resolveStore,
  resolveUpstreams,
} from './resolve-sections.js';
import { resolveServiceBounds } from './service-bounds.js';
import { SecretReferences } from './secret-references.js';
import { resolveSecrets } from './secrets-section.js';
import { resolveServiceBudgets } from './service-budgets.js';
import { resolveDatasources } from './datasources-section.js';
import { resolveTools } from './resolve-tools.js';
import { NOTHING_STORED, layerTree, type ReadStored, type Stored } from './stored.js';
import { uselessNulls } from './useless-nulls.js';

export interface ResolveOptions {
  /** Which plugins there are, once it is known where to look. */
  /** @param wanted what the enabled entries call their plugins */
  readonly catalog: (pluginsDir: string, wanted: readonly string[]) => Promise<PluginLookup>;
  /** What the host's store says, once it is known where that is. Default: nothing. */
  readonly stored?: ReadStored;
  readonly readEnv: (name: string) => string | undefined;
  /**
   * The secrets that `${secret:name}` reads, by name. `unread`: each stands for itself, for who checks a configuration and
   * starts nothing. Default: there is none.
   */
  readonly secrets?: SecretReader | 'unread';
  readonly versions: HostVersions;
  /** Names the overlay; wins over what the file says. */
  readonly environment?: string;
  /** What the command line says; absolute paths. */
  readonly overrides?: {
    readonly dataDir?: string;
    readonly pluginsDir?: string;
    readonly cacheDir?: string;
  };
  /** Hooks that an embedder declares in code. */
  readonly customHooks?: readonly CustomHookDeclaration[];
}

/** Every secret's value, by name. */
export type SecretReader = () => Promise<ReadonlyMap<string, string>>;

/** A configuration with what is needed to explain it and to watch it. */
export interface LoadedConfig {
  readonly config: HostConfig;
  /** The files that were read, absolute; the first is bulkhead.yaml. */
  readonly files: readonly string[];
  /** Every key that somebody wrote, with where. */
  readonly tree: SourceTree;
  /** Per entry, its plugin's configuration with where each value came from. */
  readonly pluginTrees: ReadonlyMap<string, SourceTree>;
  /** Names of the secrets that it refers to, whether they are there or not. */
  readonly secrets: ReadonlySet<string>;
}

/**
 * Reads bulkhead.yaml, its overlay for the environment and what belongs to it.
 *
 * @throws BulkheadError CONFIG_INVALID with every problem, each with file, line and key
 */
export async function loadConfig(options: ResolveOptions & { readonly file: string }): Promise<LoadedConfig> {
  const file = resolve(options.file);
  const report = createReport(() => EMPTY);
  const base = await readTree(file, 'bulkhead.yaml');
  if (base.kind === 'absent') {
    throw invalid(file, [
      { code: ErrorCode.CONFIG_INVALID, message: 'there is no such file. `bulkhead init` writes one.', file },
    ]);
  }
  if (base.kind === 'failed') throw invalid(file, base.problems);
  const named = treeAt(base.tree, ['environment']);
  const environment =
    options.environment ??
    (named?.kind === 'value' && typeof named.value === 'string' ? named.value : 'production');
  const layers = [base.tree];
  const files = [file];
  const { dir, name, ext } = parse(file);
  const overlayFile = join(dir, `${name}.${environment}${ext}`);
  if (/^[a-z0-9-]+$/.test(environment) && existsSync(overlayFile)) {
    const overlay = await readTree(overlayFile, `overlay ${environment}`);
    if (overlay.kind === 'failed') report.problems.push(...overlay.problems);
    if (overlay.kind === 'read') {
      const own = treeAt(overlay.tree, ['environment']);
      if (own !== undefined)
        report.problem(
          ['environment'],
          'an overlay cannot change the environment that chose it.',
          undefined,
          own.origin,
        );
      layers.push(overlay.tree);
      files.push(overlayFile);
    }
  }
  if (report.problems.length > 0) throw invalid(file, report.problems);
  return resolveLayers(layers, files, dirname(file), options);
}

/**
 * The same for an embedder that passes an object; relative paths count from `baseDirectory`.
 *
 * @throws BulkheadError CONFIG_INVALID with every problem, each with its key
 */
export async function resolveConfig(
  object: unknown,
  options: ResolveOptions & { readonly baseDirectory: string },
): Promise<LoadedConfig> {
  let tree: SourceTree;
  try {
    tree = treeFromValue(object, { layer: 'configuration object' });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw invalid('the configuration', [{ code: ErrorCode.CONFIG_INVALID, message }]);
  }
  return resolveLayers([tree], [], options.baseDirectory, options);
}

async function resolveLayers(
  layers: readonly SourceTree[],
  files: readonly string[],
  baseDirectory: string,
  options: ResolveOptions,
): Promise<LoadedConfig> {
  let merged: SourceTree = EMPTY;
  const report = createReport(() => merged);
  const tell = (keys: Keys, message: string, origin: SourceTree['origin']): void => {
    report.problem(keys, message, undefined, origin);
  };
  for (const layer of [...layers, overrideLayer(options)]) {
    const next = namedListsAsMaps(layer, tell);
    for (const [keys, origin] of uselessNulls(merged, next)) {
      report.problem(
        keys,
        'there is nothing here that null could remove. Write {} for all defaults.',
        undefined,
        origin,
      );
    }
    merged = mergeTrees(merged, next);
  }
  const secrets = new SecretReferences(options.secrets === 'unread' ? 'unread' : await options.secrets?.());
  const references = referenceRules(merged, options, report, secrets);
  merged = resolveReferences(merged, references);
  let { tree } = settle(merged);
  let parsed = parseBulkheadFile(tree);
  const host = resolveHost(parsed.file, baseDirectory, report);
  const store = resolveStore(parsed.file.store, report);
  // With a fault in it, nobody knows whether this is the place where things are kept.
  const sound = report.problems.length + parsed.problems.length === 0;
  const stored = sound ? ((await options.stored?.({ host, store })) ?? NOTHING_STORED) : NOTHING_STORED;
  const layer: Stored['layer'] = host.configWrites === 'allow' ? stored.layer : new Map();
  if (layer.size > 0) {
    merged = mergeTrees(merged, resolveReferences(layerTree(layer), references));
    ({ tree } = settle(merged));
    parsed = parseBulkheadFile(tree);
  }
  const { file, problems } = parsed;
  for (const problem of problems) report.schemaProblem(problem);

  const lookup = await options.catalog(host.pluginsDir, wantedPlugins(file.plugins));
  const found = new Map<string, FoundPlugin>();
  for (const [name, entry] of Object.entries(file.plugins ?? {})) {
    const plugin = await findPlugin(name, entry, { merged, baseDirectory, report }, lookup);
    if (plugin !== undefined) found.set(name, plugin);
  }
  const customHooks = collectHooks(file, found, options.customHooks ?? [], report);
  const specs = new Map<string, HookSpec>(customHooks.map((hook) => [hook.name, specOfCustom(hook)]));
  const specOf = (hook: string): HookSpec | undefined =>
    isBuiltInHook(hook) ? HOOKS[hook] : specs.get(hook);
  const hookNames = [...Object.keys(HOOKS), ...specs.keys()];
  for (const hook of Object.keys(file.limits.max_payload_bytes_by_hook)) {
    if (specOf(hook) === undefined)
      report.problem(
        ['limits', 'max_payload_bytes_by_hook', hook],
        `no hook '${hook}' is known.`,
        ErrorCode.UNKNOWN_HOOK,
      );
  }

  const pluginTrees = new Map<string, SourceTree>();
  const plugins: HostConfig['plugins'][number][] = [];
  for (const [name, plugin] of found) {
    const entry = file.plugins?.[name] ?? {};
    const context = {
      file,
      host,
      merged,
      baseDirectory,
      versions: options.versions,
      specOf,
      hookNames,
      references,
      grants: stored.grants,
      storedConfig: storedConfigOf(layer.get(name)),
      report,
    };
    const resolved = await resolvePlugin(name, entry, plugin, context);
    plugins.push(resolved.plugin);
    secrets.assertGranted(resolved.plugin, report);
    pluginTrees.set(name, resolved.configTree);
  }
  const isReference = (keys: Keys): boolean => {
    const at = treeAt(merged, keys);
    return at?.kind === 'value' && at.shown !== undefined;
  };
  const config: HostConfig = {
    environment: file.environment,
    host,
    store,
    log: { level: file.log.level },
    listen: {
      data: resolveListen(file.listen.data, ['listen', 'data'], report),
      control: resolveListen(file.listen.control, ['listen', 'control'], report),
    },
    ...plainSections(file),
    audit: resolveAudit(file.audit),
    secrets: resolveSecrets(file.secrets, { dataDir: host.dataDir, baseDirectory, report }),
    services: {
      ...resolveServiceBounds(file.services),
      budgets: resolveServiceBudgets(file.services.limits),
      analytics: { keepDays: file.services.analytics.keep_days },
    },
    upstreams: withPluginServers(resolveUpstreams(file.mcp_servers, baseDirectory, report), plugins, report),
    tools: resolveTools(file, plugins, report),
    datasources: resolveDatasources(
      file.datasources,
      { dataDir: host.dataDir, absolute: (path) => absolute(baseDirectory, path) },
      report,
    ),
    apps: resolveApps(file.apps, isReference, report),
    customHooks,
    plugins,
    notices: report.notices,
  };
  if (report.problems.length > 0) throw invalid(files[0] ?? 'the configuration', report.problems, files);
  return { config, files, tree, pluginTrees, secrets: secrets.names };
}

function storedConfigOf(tree: SourceTree | undefined): SourceTree | undefined {
  return tree === undefined ? undefined : treeAt(tree, ['config']);
}

/** The sections that are only renamed. */
function plainSections(file: BulkheadFile): Pick<HostConfig, 'limits' | 'lifecycle' | 'link' | 'policy'> {
  const { limits, lifecycle, link, policy } = file;
  return {
    limits: {
      callTimeoutMs: limits.call_timeout_ms,
      maxPayloadBytes: limits.max_payload_bytes,
      maxPayloadBytesByHook: limits.max_payload_bytes_by_hook,
      auditBudgetMs: limits.audit_budget_ms,
      stateTtlMs: limits.state_ttl_ms,
      maxBodyBytes: limits.max_body_bytes,
    },
    lifecycle: {
      startTimeoutMs: lifecycle.start_timeout_ms,
      healthIntervalMs: lifecycle.health_interval_ms,
      healthTimeoutMs: lifecycle.health_timeout_ms,
      healthMisses: lifecycle.health_misses,
      backoffInitialMs: lifecycle.backoff_initial_ms,
      backoffMaxMs: lifecycle.backoff_max_ms,
      crashLimit: lifecycle.crash_limit,
      crashWindowMs: lifecycle.crash_window_ms,
      stopDrainMs: lifecycle.stop_drain_ms,
      stopTermMs: lifecycle.stop_term_ms,
      stopKillMs: lifecycle.stop_kill_ms,
    },
    link: { mtls: link.mtls, maxMessageBytes: link.max_message_bytes },
    policy: {
      failOpen: policy.fail_open,
      denyAs: policy.deny_as,
      exposeViolationDetails: policy.expose_violation_details,
    },
  };
}

function overrideLayer({ environment, overrides = {} }: ResolveOptions): SourceTree {
  const { dataDir, pluginsDir, cacheDir } = overrides;
  const host = Object.fromEntries(
    [
      ['data_dir', dataDir],
      ['plugins_dir', pluginsDir],
      ['cache_dir', cacheDir],
    ].filter(([, value]) => value !== undefined),
  ) as Record<string, string>;
  const value = {
    ...(environment === undefined ? {} : { environment }),
    ...(Object.keys(host).length === 0 ? {} : { host }),
  };
  return treeFromValue(value, { layer: 'command line' });
}

function referenceRules(
  merged: SourceTree,
  options: ResolveOptions,
  report: Report,
  secrets: SecretReferences,
): ReferenceRules {
  const list = treeAt(merged, ['host', 'env_allow']);
  const allowed = new Set(
    list?.kind === 'list' ? list.items.flatMap((item) => (item.kind === 'value' ? [item.value] : [])) : [],
  );
  return {
    readEnv: options.readEnv,
    readSecret: (name, keys, origin) => secrets.read(name, keys, origin),
    mayRead: (name, keys) => keys[0] !== 'plugins' || allowed.has(name),
    problem: (keys, message, origin) => {
      report.problem(keys, message, undefined, origin);
    },
  };
}

function invalid(
  what: string,
  found: BulkheadError['problems'],
  files: readonly string[] = [what],
): BulkheadError {
  const problems = sortProblems(found, files);
  const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
  const lines = problems.map((problem) => `  ${formatProblem(problem)}`).join('\n');
  return new BulkheadError(ErrorCode.CONFIG_INVALID, `${what} has ${count}:\n${lines}`, { problems });
}
