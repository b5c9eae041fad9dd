import { pickObjectHooks } from '@bulkhead/proto/rules';
import type { Manifest } from '../manifest/manifest.js';
import type { PluginEntry } from './bulkhead-file.js';
import type { PluginConfig } from './config.js';
import type { Report } from './report.js';

/** Of what the manifest declares, or the operator lists where it says nothing, the hooks that are granted. */
export function resolveObjectHooks(
  name: string,
  entry: PluginEntry,
  manifest: Manifest,
  granted: readonly string[],
  report: Report,
): PluginConfig['objectHooks'] {
  const declared = manifest.contributions.objectHooks;
  if (declared !== undefined && entry.object_hooks !== undefined) {
    report.problem(
      ['plugins', name, 'object_hooks'],
      "expected none: the plugin's manifest declares its object hooks itself. Take this key out, and grant those that may run: with `bulkhead plugin grants`, or as grants.object_hooks of the entry.",
    );
  }
  return pickObjectHooks(declared ?? entry.object_hooks ?? [], granted);
}
