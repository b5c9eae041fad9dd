import { ErrorCode } from '@bulkhead/proto';
import { HOOKS, isBuiltInHook, type HookSpec } from '@bulkhead/proto/rules';
import type { Keys } from '@bulkhead/proto/rules/schema';
import { treeAt, treeFromValue, type SourceTree } from '../manifest/source-tree.js';
import { resolveAudit } from './audit-section.js';
import { parseBulkheadFile } from './bulkhead-file.js';
import type { HostConfig } from './config.js';
import { collectHooks, specOfCustom } from './custom-hooks.js';
import type { FoundPlugin } from './lookup.js';
import { wantedPlugins } from './load-install.js';
import { EMPTY, mergeTrees, settle } from './merge.js';
import { namedListsAsMaps } from './named-lists.js';
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
import { NOTHING_STORED, layerTree, type Stored } from './stored.js';
import { uselessNulls } from './useless-nulls.js';
import { configInvalid } from './config-invalid.js';
import { plainSections } from './plain-sections.js';
import type { LoadedConfig, ResolveOptions } from './loaded-config.js';

/**
 * What a configuration means, out of its layers: the first one is what later ones change.
 *
 * @param files that the layers came from, absolute
 * @throws BulkheadError CONFIG_INVALID with every problem, each with file, line and key
 */
export async function resolveLayers(
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
  if (report.problems.length > 0)
    throw configInvalid(files[0] ?? 'the configuration', report.problems, files);
  return { config, files, tree, pluginTrees, secrets: secrets.names };
}

function storedConfigOf(tree: SourceTree | undefined): SourceTree | undefined {
  return tree === undefined ? undefined : treeAt(tree, ['config']);
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
