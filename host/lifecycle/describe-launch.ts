import { BulkheadError, ErrorCode, isBulkheadError } from '@bulkhead/proto';
import { declaredRegistrations } from '@bulkhead/proto/rules';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import type { HostConfig, PluginConfig } from '../config/config.js';
import type { LaunchDescription, ResourceLimits } from '../sidecar/sidecar.js';

export interface DescribeSettings {
  readonly lifecycle: HostConfig['lifecycle'];
  readonly link: HostConfig['link'];
  readonly limits: Pick<HostConfig['limits'], 'callTimeoutMs'>;
  /** The Node that runs plugins; absolute. */
  readonly nodePath: string;
  /** The directory of an entry's own, kept over restarts and versions. */
  readonly dataDirOf?: (name: string) => string;
}

const MTLS = { always: true, never: false, auto: 'auto' } as const;

/** Turns a configured plugin into what the sidecar needs to launch it. */
export function createDescribe(settings: DescribeSettings): (plugin: PluginConfig) => LaunchDescription {
  const { lifecycle, link, limits, nodePath, dataDirOf } = settings;
  return (plugin) => {
    if (plugin.grantMissing !== undefined)
      throw new BulkheadError(ErrorCode.GRANT_MISSING, plugin.grantMissing);
    const { network, filesystem, subprocess } = plugin.granted;
    return {
      name: plugin.name,
      id: plugin.manifest.id,
      version: plugin.manifest.version,
      ...(plugin.remote === undefined ? {} : { remote: plugin.remote }),
      command:
        plugin.remote === undefined
          ? (plugin.command ?? [
              plugin.nodePath ?? nodePath,
              join(sdkOf(plugin), 'dist', 'bin.cjs'),
              entryOf(plugin),
            ])
          : [plugin.remote.address],
      cwd: plugin.directory,
      env: plugin.env,
      network: plugin.network,
      mtls: MTLS[link.mtls],
      runtime: plugin.command === undefined ? 'node' : 'other',
      followLinks: plugin.placement === 'directory',
      readOnlyPaths: plugin.command === undefined && plugin.remote === undefined ? sdkPaths(plugin) : [],
      startTimeoutMs: lifecycle.startTimeoutMs,
      drainTimeoutMs: lifecycle.stopDrainMs,
      termTimeoutMs: lifecycle.stopTermMs,
      killTimeoutMs: lifecycle.stopKillMs,
      callTimeoutMs: plugin.manifest.limits.timeoutMs ?? limits.callTimeoutMs,
      maxMessageBytes: link.maxMessageBytes,
      ...declarationOf(plugin),
      configJson: JSON.stringify(plugin.config),
      grantedScopes: plugin.grantedScopes,
      grantedSecrets: plugin.granted.secrets,
      reach: { network, filesystem, subprocess },
      networkPrivate: plugin.networkPrivate,
      limits: limitsOf(plugin),
      atOnce: plugin.instances * 2 + plugin.manifest.contributions.mcpServers.length,
      maxInFlight: plugin.maxInFlight,
      logLevel: plugin.logLevel,
      ...(dataDirOf === undefined || plugin.remote !== undefined ? {} : { dataDir: dataDirOf(plugin.name) }),
    };
  };
}

/** A command of the operator's own has no manifest: its entry lists the hooks, and the program may know more of them. */
function declarationOf({
  manifest,
  objectHooks,
}: PluginConfig): Pick<LaunchDescription, 'manifestJson' | 'declared'> {
  if (Object.keys(manifest.source).length === 0) return { manifestJson: '' };
  // What it registers is what its manifest declares, also where less is granted: the rest is not called.
  const contributions = { objectHooks, ...manifest.contributions };
  return {
    manifestJson: JSON.stringify(manifest.source),
    declared: declaredRegistrations(Object.keys(manifest.hooks), contributions),
  };
}

const MIB = 1024 * 1024;

function limitsOf({ limits }: PluginConfig): ResourceLimits {
  const { memoryMb, processes, cpu, openFiles, diskMb } = limits;
  return {
    ...(memoryMb === undefined ? {} : { memoryBytes: memoryMb * MIB }),
    ...(processes === undefined ? {} : { processes }),
    ...(cpu === undefined ? {} : { cpu }),
    ...(openFiles === undefined ? {} : { openFiles }),
    ...(diskMb === undefined ? {} : { diskBytes: diskMb * MIB }),
  };
}

/** Where the SDK lies, and where the plugin looks for it: a folder above its own, when it is one package of a workspace. */
function sdkPaths(plugin: PluginConfig): readonly string[] {
  const paths = [sdkOf(plugin)];
  for (let folder = plugin.directory; dirname(folder) !== folder; folder = dirname(folder)) {
    const seen = join(folder, 'node_modules', '@bulkhead', 'sdk');
    if (!existsSync(seen)) continue;
    return folder === plugin.directory ? paths : [...paths, seen];
  }
  return paths;
}

/** The SDK's package as the plugin's own dependency graph has it; its runner is `dist/bin.cjs`. */
function sdkOf({ name, directory }: PluginConfig): string {
  try {
    const manifest = createRequire(join(directory, 'package.json')).resolve('@bulkhead/sdk/package.json');
    return dirname(manifest);
  } catch (error) {
    throw new BulkheadError(
      ErrorCode.SPAWN_FAILED,
      `plugin '${name}': expected @bulkhead/sdk among the dependencies in ${directory}, found none; install the plugin's dependencies there, or give the plugin a command of its own`,
      { cause: error },
    );
  }
}

/** The manifest's `entry`, else package.json's `exports` or `main`. Absolute, and inside the package. */
function entryOf({ name, directory, manifest }: PluginConfig): string {
  const entry = manifest.entry ?? entryOfPackage(name, directory);
  const path = resolve(directory, entry);
  const inside = relative(directory, path);
  if (inside === '' || inside.startsWith('..') || isAbsolute(inside)) {
    throw new BulkheadError(
      ErrorCode.MANIFEST_INVALID,
      `plugin '${name}': expected an entry inside ${directory}, got '${entry}'`,
    );
  }
  return path;
}

function entryOfPackage(name: string, directory: string): string {
  try {
    const described: unknown = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
    const entry = isRecord(described) ? (exported(described['exports']) ?? described['main']) : undefined;
    if (typeof entry === 'string') return entry;
    throw new BulkheadError(
      ErrorCode.MANIFEST_INVALID,
      `plugin '${name}': expected an entry in its manifest, or exports or main in package.json, got none`,
    );
  } catch (error) {
    if (isBulkheadError(error)) throw error;
    throw new BulkheadError(
      ErrorCode.MANIFEST_INVALID,
      `plugin '${name}': expected an entry in its manifest or a readable package.json in ${directory}`,
      { cause: error },
    );
  }
}

/** The file of `exports`: a text, its `.`, or the condition for ESM. */
function exported(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (!isRecord(value)) return undefined;
  for (const key of ['.', 'import', 'node', 'default']) {
    const found = exported(value[key]);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
