import { basename } from 'node:path';
import { BulkheadError } from '@bulkhead/proto';
import { openCatalog } from '../../catalog/catalog.js';
import type { Clock } from '../../clock.js';
import type { HostConfig } from '../../config/config.js';
import { resolveConfig } from '../../config/load-config.js';
import { assembleHost } from '../../assemble-host.js';
import type { HostParts } from '../../host.js';
import { createGateway } from '../../gateway/gateway.js';
import { hooksOf } from '../../gateway/hooks-of.js';
import { openStore } from '../../store/open-store.js';
import { storeOptions } from '../../store/store-options.js';
import { createUpstreams } from '../../upstream/upstreams.js';
import { HOST_VERSION } from '../../version.js';

/** A failed start is tried again when something changed, not in between. */
const RETRY_MS = 3_600_000;

export interface SoloOptions {
  /** The plugin's package, absolute. */
  readonly directory: string;
  /** The plugin's own configuration; what is not there is its default. */
  readonly pluginConfig: Readonly<Record<string, unknown>>;
  /** The host's own, absolute; the caller removes it. */
  readonly dataDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: NonNullable<HostParts['log']>;
  readonly onRecord?: HostParts['onRecord'];
}

export type Refreshed =
  | { readonly ok: true }
  /** What served before still does. */
  | { readonly ok: false; readonly error: BulkheadError; readonly lastLines: readonly string[] };

/** A host in development with one plugin, named by its directory. */
export interface SoloHost {
  /** The entry's name. */
  readonly name: string;
  /** Hooks that the plugin is on now. */
  hooks(): readonly string[];
  /** Reads manifest and configuration again and starts what the package holds now; never rejects. */
  refresh(): Promise<Refreshed>;
  /** Serves the hook API on a free port of this machine. @returns its address */
  listen(): Promise<string>;
  /** Bounded; never rejects. */
  stop(): Promise<void>;
}

/** A host that has no plugin yet; `refresh` brings the plugin in. */
export async function startSoloHost(options: SoloOptions): Promise<SoloHost> {
  const { clock, log, env, onRecord } = options;
  const name = entryName(options.directory);
  const config = await resolve(options, {});
  const store = await openStore(storeOptions(config));
  const host = assembleHost(config, {
    store,
    clock,
    log,
    env,
    ...(onRecord === undefined ? {} : { onRecord }),
  });
  const closers: (() => Promise<void>)[] = [() => store.close(), () => host.stop()];
  await host.start();

  return {
    name,
    hooks: () =>
      host
        .hooks()
        .map((hook) => hook.name)
        .filter((hook) => host.listens(hook)),
    async refresh() {
      try {
        const next = await resolve(options, {
          [name]: { plugin: options.directory, config: options.pluginConfig },
        });
        const report = await host.apply(next);
        const [failed] = report.failed;
        if (failed !== undefined) throw new BulkheadError(failed.failure.code, failed.failure.message);
        if (![...report.started, ...report.reloaded].includes(name)) await host.reload(name);
        return { ok: true };
      } catch (error) {
        return { ok: false, error: BulkheadError.from(error), lastLines: lastLinesOf(error) };
      }
    },
    async listen() {
      const upstreams = createUpstreams([], { clock, log, hostEnv: env });
      const { toolbox: tools, contributions, httpTools } = host.services;
      const gateway = createGateway({
        config,
        hooks: hooksOf(host),
        upstreams,
        tools,
        httpTools,
        contributions,
        clock,
        log,
      });
      const address = await gateway.listen();
      closers.push(() => gateway.close(config.host.drainTimeoutMs));
      return address;
    },
    async stop() {
      for (const close of closers.splice(0).reverse()) await close();
    },
  };
}

async function resolve(options: SoloOptions, plugins: object): Promise<HostConfig> {
  const { directory, dataDir, env } = options;
  const object = {
    environment: 'development',
    // Whoever works on a plugin runs it as themselves, where nobody else looks.
    host: { data_dir: dataDir, plugins_dir: `${dataDir}/plugins`, plugin_uids: { use: 'never' } },
    listen: { data: { address: '127.0.0.1:0' } },
    lifecycle: { backoff_initial_ms: RETRY_MS, backoff_max_ms: RETRY_MS },
    plugins,
  };
  const { config } = await resolveConfig(object, {
    baseDirectory: directory,
    catalog: openCatalog,
    readEnv: (variable) => env[variable],
    versions: { app: HOST_VERSION, node: process.versions.node },
  });
  return { ...config, tools: { ...config.tools, expose: everyTool(config) } };
}

/** Whoever works on a plugin wants to call its tools, and is the operator here. */
function everyTool({ plugins }: HostConfig): HostConfig['tools']['expose'] {
  return Object.fromEntries(
    plugins.flatMap(({ name, manifest }) =>
      manifest.contributions.tools.map((tool) => [`${name}/${tool.name}`, 'allow'] as const),
    ),
  );
}

/** The directory's name, as far as an entry may be called so. */
function entryName(directory: string): string {
  const name = basename(directory)
    .replace(/[^A-Za-z0-9_.-]/g, '_')
    .slice(0, 63);
  return /^[A-Za-z_]/.test(name) ? name : `_${name}`.slice(0, 63);
}

function lastLinesOf(error: unknown): readonly string[] {
  const lines = BulkheadError.from(error).details['lastLines'];
  return Array.isArray(lines) ? lines.map(String) : [];
}
