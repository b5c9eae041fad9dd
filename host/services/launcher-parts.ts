import type { LauncherOptions } from '../sidecar/launch.js';
import type { Services } from './services.js';

/** What stands before plugins' calls, and hears of what they were refused outside the Service API. */
export function launcherPartsOf({
  guard,
  refusals,
}: Services): Pick<LauncherOptions, 'guard' | 'onUnknownMethod' | 'onEgressRefused'> {
  return {
    guard,
    onUnknownMethod: (plugin, method) => {
      refusals.unknownMethod(plugin, method);
    },
    onEgressRefused: (plugin, refusal) => {
      refusals.egress(plugin, refusal);
    },
  };
}
