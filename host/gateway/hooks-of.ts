import type { HostConfig } from '../config/config.js';
import type { HookPort } from '../dispatch/hook-port.js';
import type { Host } from '../host.js';

/** The hooks of a host, as the data plane calls them. */
export function hooksOf(host: Host<HostConfig>): HookPort {
  return {
    hooks: () => host.hooks().map(({ name }) => name),
    listens: (hook) => host.listens(hook),
    invoke: (hook, payload, context, options) => host.invoke(hook, payload, context, options),
    endRequest: (requestId, stateScope) => {
      host.endRequest(requestId, stateScope);
    },
  };
}
