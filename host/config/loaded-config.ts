import type { HostVersions } from '../manifest/compat.js';
import type { CustomHookDeclaration } from '../manifest/manifest.js';
import type { SourceTree } from '../manifest/source-tree.js';
import type { HostConfig } from './config.js';
import type { PluginLookup } from './lookup.js';
import type { ReadStored } from './stored.js';

/** What a configuration is resolved with. */
export interface ResolveOptions {
  /**
   * Which plugins there are, once it is known where to look.
   *
   * @param wanted what the enabled entries call their plugins
   */
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
