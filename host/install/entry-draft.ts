import type { Dependencies, EntryDraft } from './build-environment.js';
import { sha512 } from './integrity.js';
import type { PluginPackage } from './plugin-package.js';
import type { PluginSource } from './source.js';

/** What the lock would say of a package; its tree is known when it is built. */
export function draftOf(
  unpacked: PluginPackage,
  integrity: string,
  source: PluginSource,
  dependencies: Dependencies | undefined,
): EntryDraft {
  const { manifest, manifestHash, sdk, node, permissions } = unpacked;
  return {
    name: manifest.name,
    ...(manifest.packageName === undefined ? {} : { package: manifest.packageName }),
    source,
    version: manifest.version,
    integrity,
    manifest: manifestHash,
    ...(dependencies === undefined ? {} : { dependencies: sha512(dependencies.text) }),
    sdk,
    ...(node === undefined ? {} : { node }),
    permissions,
  };
}
