import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { NO_SCOPE, scopesOf, type ScopedService } from '@bulkhead/proto/host';
import type { ServedMethod } from '@bulkhead/proto/link';

/** Who calls: known from the socket or the link on which the call came, never from a field of a message. */
export interface PluginIdentity {
  /** The configured entry's name. */
  readonly name: string;
  readonly id: string;
  readonly version: string;
  readonly pid: number;
  readonly grantedScopes: readonly string[];
  /** Names of the secrets that it may read. Absent: none. */
  readonly grantedSecrets?: readonly string[];
}

/** What a host method may know of the call that it answers. */
export interface HostCall {
  readonly plugin: PluginIdentity;
  /** Time that the plugin gives, in milliseconds; 0 when it said none. */
  readonly timeoutMs: number;
  /** W3C traceparent, or empty. */
  readonly traceparent: string;
  /** Fires when the plugin no longer needs the answer, or is gone. */
  readonly signal: AbortSignal;
}

/** One unary RPC that the host serves to plugins, the same on the link and on the host's socket. */
export interface HostMethod {
  /** Full method path, for example `/bulkhead.host.v1.LogService/Write`. */
  readonly path: string;
  /** What a plugin must have been granted to call it: the RPC's option in the .proto; `none` where nothing. */
  readonly scope: string;
  /** How many operations a call counts as against the plugin's budget. Default: one. */
  cost?(body: Uint8Array): number;
  handle(body: Uint8Array, call: HostCall): Uint8Array | Promise<Uint8Array>;
}

type Cost = (body: Uint8Array) => number;

/**
 * The methods of one service of `bulkhead.host.v1`, each under the scope that its RPC's option names.
 *
 * @param costs of the methods that count as more than one operation
 * @throws BulkheadError INTERNAL for a method without the option
 */
export function createHostMethods<Service extends ScopedService>(
  service: Service,
  handlers: Readonly<Record<keyof Service['methods'] & string, HostMethod['handle']>>,
  costs?: Readonly<Partial<Record<keyof Service['methods'] & string, Cost>>>,
): readonly HostMethod[] {
  const scopes = scopesOf(service);
  const costOf = new Map<string, Cost | undefined>(Object.entries(costs ?? {}));
  return Object.entries(handlers).map(([key, handle]: [string, HostMethod['handle']]) => {
    const path = `/${service.fullName}/${service.methods[key]?.name ?? key}`;
    const cost = costOf.get(key);
    return { path, scope: scopes.get(path) ?? '', handle, ...(cost === undefined ? {} : { cost }) };
  });
}

/**
 * Makes of a method what one plugin is served: whatever must be true before the method runs is checked there.
 *
 * @param onWaste hears of each call that was refused at once to a plugin that does not look at its refusals
 */
export type Guard = (plugin: PluginIdentity, method: HostMethod, onWaste?: () => void) => ServedMethod;

/**
 * What keeps a plugin from a method: undefined when it was granted. Who calls is known from the channel, so this is asked
 * once for each process.
 *
 * @throws BulkheadError INTERNAL for a method without a scope: nobody decided who may call it
 */
export function whyNotGranted(
  plugin: PluginIdentity,
  { path, scope }: HostMethod,
): (() => BulkheadError) | undefined {
  if (scope === '') {
    throw new BulkheadError(
      ErrorCode.INTERNAL,
      `${path} has no scope; write "none" where a plugin needs no grant`,
    );
  }
  if (scope === NO_SCOPE || plugin.grantedScopes.includes(scope)) return undefined;
  return () =>
    new BulkheadError(
      ErrorCode.PERMISSION_DENIED,
      `${path} needs the scope '${scope}', which plugin '${plugin.name}' was not granted`,
      { field: scope },
    );
}

/** The least of all guards: the grant alone. */
export const guardByGrant: Guard = (plugin, method) => {
  const refusal = whyNotGranted(plugin, method);
  return {
    path: method.path,
    handler: (body, call) => {
      if (refusal !== undefined) throw refusal();
      return method.handle(body, {
        plugin,
        timeoutMs: call.timeoutMs,
        traceparent: call.traceparent,
        get signal() {
          return call.signal;
        },
      });
    },
  };
};
