import { resolve } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import {
  NO_PERMISSIONS,
  comparePermissions,
  permissionNames,
  subtractPermissions,
} from '@bulkhead/proto/rules/schema';
import { openCatalog } from '../catalog/catalog.js';
import type { HostConfig } from '../config/config.js';
import { decideGrants } from '../grants/decide.js';
import { parseGrantFlags } from '../grants/flags.js';
import type { Grant, GrantDecision } from '../grants/grant.js';
import type { Manifest } from '../manifest/manifest.js';
import type { Cli } from './cli.js';
import { loadHostConfig } from './load.js';
import { withGrants } from './stored.js';
import { tellDaemon } from './tell-daemon.js';
import { actorOf, terminalOf } from './terminal.js';

export interface GrantsWish {
  /** An id, or an entry's name. */
  readonly name: string;
  readonly dataDir: string | undefined;
  readonly grant: readonly string[];
  readonly revoke: readonly string[];
  /** Whether a person may be asked when something is undecided. */
  readonly mayAsk: boolean;
}

/** What `bulkhead plugin grants` shows. */
export interface ShownGrants {
  readonly id: string;
  readonly version: string;
  readonly asked: readonly string[];
  readonly granted: readonly string[];
  /** Asked for, and nobody said yes or no. */
  readonly undecided: readonly string[];
  readonly decided: { readonly by: string; readonly at: string; readonly version: string } | null;
  /** What each entry of bulkhead.yaml gets in the end. */
  readonly entries: readonly {
    readonly name: string;
    readonly granted: readonly string[];
    readonly missing?: string;
  }[];
  readonly changed: boolean;
}

/**
 * Shows what a plugin may do; decides it first, when flags say so or something is undecided and somebody is there. A daemon
 * that runs takes it at once.
 *
 * @throws CONFIG_INVALID, PLUGIN_NOT_FOUND, GRANT_INVALID, GRANT_MISSING when a person refused
 */
export async function decidePluginGrants(cli: Cli, file: string, wish: GrantsWish): Promise<ShownGrants> {
  const overrides = wish.dataDir === undefined ? {} : { dataDir: resolve(cli.cwd, wish.dataDir) };
  const load = async (): Promise<HostConfig> => (await loadHostConfig(cli.env, { file, overrides })).config;
  let config = await load();
  const manifest = await findManifest(config, wish.name);
  const { decided, changed } = await withGrants(config, async (grants) => {
    const previous = await grants.get(manifest.id);
    const decision = await decide(cli, manifest, previous, wish);
    return decision === undefined
      ? { decided: previous, changed: false }
      : { decided: await grants.put(manifest.id, decision), changed: true };
  });
  if (changed) {
    config = await load();
    await tellDaemon(cli, config.host.dataDir);
  }
  return describe(config, manifest, decided, changed);
}

async function decide(
  cli: Cli,
  manifest: Manifest,
  previous: Grant | undefined,
  { grant, revoke, mayAsk }: GrantsWish,
): Promise<GrantDecision | undefined> {
  const asked = manifest.permissions;
  const by = actorOf(cli);
  if (revoke.length > 0) {
    if (grant.length > 0) {
      throw new BulkheadError(
        ErrorCode.USAGE,
        'expected --grant or --revoke, got both; do one after the other',
      );
    }
    // Without a decision, a plugin in development has what it asks for: taking something back decides the rest.
    const before = previous?.granted ?? asked;
    const granted = subtractPermissions(before, parseGrantFlags(revoke, before));
    return { asked, granted, pluginVersion: manifest.version, by };
  }
  const { widened } = comparePermissions(previous?.asked ?? NO_PERMISSIONS, asked);
  const terminal = mayAsk ? terminalOf(cli) : undefined;
  if (grant.length === 0 && (widened.length === 0 || terminal === undefined)) return undefined;
  const outcome = await decideGrants({ manifest, previous, flags: grant, terminal, by });
  if (outcome.kind === 'refused') throw outcome.error;
  return outcome.changed ? outcome.decision : undefined;
}

async function findManifest(config: HostConfig, name: string): Promise<Manifest> {
  const entry = config.plugins.find((plugin) => plugin.name === name || plugin.manifest.id === name);
  if (entry !== undefined) return entry.manifest;
  const found = (await openCatalog(config.host.pluginsDir)).byName(name);
  if (found.ok) return found.plugin.manifest;
  const [problem] = found.problems;
  throw new BulkheadError(
    problem?.code ?? ErrorCode.PLUGIN_NOT_FOUND,
    problem?.message ?? `no plugin '${name}'`,
    {
      problems: found.problems,
    },
  );
}

function describe(
  config: HostConfig,
  manifest: Manifest,
  stored: Grant | undefined,
  changed: boolean,
): ShownGrants {
  const asked = manifest.permissions;
  const { widened } = comparePermissions(stored?.asked ?? NO_PERMISSIONS, asked);
  const entries = config.plugins.filter((plugin) => plugin.manifest.id === manifest.id);
  return {
    id: manifest.id,
    version: manifest.version,
    asked: permissionNames(asked),
    granted: permissionNames(stored?.granted ?? NO_PERMISSIONS),
    undecided: widened,
    decided: stored === undefined ? null : { by: stored.by, at: stored.at, version: stored.pluginVersion },
    entries: entries.map(({ name, granted, grantMissing }) => ({
      name,
      granted: permissionNames(granted),
      ...(grantMissing === undefined ? {} : { missing: grantMissing }),
    })),
    changed,
  };
}
