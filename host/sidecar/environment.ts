import { APP_VERSION, MAGIC_COOKIE_KEY, MAGIC_COOKIE_VALUE } from '@bulkhead/proto/handshake';

/** Variables of the daemon that a plugin gets too. */
const PASSED_ON = ['PATH', 'LANG', 'TZ'] as const;

/** Load code into a process before its own runs; nobody may pass one to a plugin, not even an operator. */
const NEVER: ReadonlySet<string> = new Set([
  'NODE_OPTIONS',
  'NODE_PATH',
  'LD_PRELOAD',
  'LD_AUDIT',
  'DYLD_INSERT_LIBRARIES',
]);

/** The host's own word to the plugin. An operator who could name one would break the handshake, or forge it. */
const RESERVED: ReadonlySet<string> = new Set([
  MAGIC_COOKIE_KEY,
  'HOME',
  'TMPDIR',
  'PLUGIN_PROTOCOL_VERSIONS',
  'PLUGIN_CLIENT_CERT',
  'PLUGIN_MULTIPLEX_GRPC',
  'PLUGIN_UNIX_SOCKET_DIR',
  'PLUGIN_MIN_PORT',
  'PLUGIN_MAX_PORT',
  'BULKHEAD_HOST_SOCKET',
  'BULKHEAD_EGRESS_SOCKET',
  'BULKHEAD_NETWORK',
  'BULKHEAD_LIFELINE',
]);

/** Ports that go-plugin servers pick from; they read these when they listen on TCP. */
const TCP_MIN_PORT = '10000';
const TCP_MAX_PORT = '25000';

export interface PluginEnvironment {
  /** The daemon's environment; only PATH, LANG and TZ are taken from it. */
  readonly daemon: Readonly<Record<string, string | undefined>>;
  /** What an operator named for this plugin. Wins over the daemon's; the host's own names are left out. */
  readonly operator: Readonly<Record<string, string>>;
  readonly launchDir: string;
  readonly hostSocket: string;
  /** The proxy of its network grant; absent without one. */
  readonly egressSocket?: string;
  readonly network: 'unix' | 'tcp';
  /** The host's certificate, PEM; present when the connection is mTLS. */
  readonly clientCertificate?: string;
}

/** The whole environment of a plugin process. */
export function createEnvironment(source: PluginEnvironment): Record<string, string> {
  const env: Record<string, string> = {};
  for (const key of PASSED_ON) {
    const value = source.daemon[key];
    if (value !== undefined) env[key] = value;
  }
  for (const [key, value] of Object.entries(source.operator)) {
    if (!NEVER.has(key) && !RESERVED.has(key)) env[key] = value;
  }
  env['HOME'] = source.launchDir;
  env['TMPDIR'] = source.launchDir;
  env[MAGIC_COOKIE_KEY] = MAGIC_COOKIE_VALUE;
  env['PLUGIN_PROTOCOL_VERSIONS'] = String(APP_VERSION);
  env['PLUGIN_UNIX_SOCKET_DIR'] = source.launchDir;
  env['BULKHEAD_HOST_SOCKET'] = source.hostSocket;
  if (source.egressSocket !== undefined) env['BULKHEAD_EGRESS_SOCKET'] = source.egressSocket;
  // Its stdin stays open as long as the host lives; our SDK's runner exits when it ends.
  env['BULKHEAD_LIFELINE'] = 'stdin';
  if (source.clientCertificate !== undefined) env['PLUGIN_CLIENT_CERT'] = source.clientCertificate;
  if (source.network === 'tcp') {
    env['BULKHEAD_NETWORK'] = 'tcp';
    env['PLUGIN_MIN_PORT'] = TCP_MIN_PORT;
    env['PLUGIN_MAX_PORT'] = TCP_MAX_PORT;
  }
  return env;
}
