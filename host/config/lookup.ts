import type { Problem } from '@bulkhead/proto';
import type { Manifest } from '../manifest/manifest.js';
import type { ManifestNotice } from '../manifest/load-manifest.js';

export interface FoundPlugin {
  /** The package root, absolute. */
  readonly directory: string;
  readonly manifest: Manifest;
  readonly notices: readonly ManifestNotice[];
  /** Said of the name by which it was found, for example that a class name was read as a plugin's. */
  readonly alias?: string;
}

export type LookupResult =
  | { readonly ok: true; readonly plugin: FoundPlugin }
  /** PLUGIN_NOT_FOUND, PLUGIN_AMBIGUOUS, or what is wrong with the manifest. */
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Finds plugins by name. The catalogue is the real one; a test passes its own. */
export interface PluginLookup {
  /** `name` is an id, a package name, a manifest name or a class name. */
  byName(name: string): LookupResult;
  /** `directory` is absolute. */
  byDirectory(directory: string): Promise<LookupResult>;
}
