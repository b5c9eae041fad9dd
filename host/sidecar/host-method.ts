import type { ServedMethod } from '@bulkhead/proto/link';

/** Who calls: known from the socket or the link on which the call came, never from a field of a message. */
export interface PluginIdentity {
  /** The configured entry's name. */
  readonly name: string;
  readonly id: string;
  readonly version: string;
  readonly pid: number;
  readonly grantedScopes: readonly string[];
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
  handle(body: Uint8Array, call: HostCall): Uint8Array | Promise<Uint8Array>;
}

/** The method as this plugin's own connection serves it. */
export function serveAs(method: HostMethod, plugin: PluginIdentity): ServedMethod {
  return {
    path: method.path,
    handler: (body, call) =>
      method.handle(body, {
        plugin,
        timeoutMs: call.timeoutMs,
        traceparent: call.traceparent,
        get signal() {
          return call.signal;
        },
      }),
  };
}
