import { MAGIC_COOKIE_KEY, MAGIC_COOKIE_VALUE, chooseVersion } from '@bulkhead/proto/handshake';
import type { NetworkWay } from '../network/network.js';

/** What a host says to a plugin process through its environment. */
export interface RunnerEnvironment {
  readonly appVersion: number;
  readonly network: 'unix' | 'tcp';
  /** The host's one-time certificate; with it, only that host may connect. */
  readonly clientCertPem: string | undefined;
  /** Where the plugin's socket goes; undefined under a host that names no directory. */
  readonly socketDir: string | undefined;
  /** Whether the host wants to be told that we do not multiplex. */
  readonly announceMultiplex: boolean;
  /** Whether the host holds our stdin, so that its end means that the host is gone. */
  readonly lifeline: boolean;
  /** The host's own socket for this plugin; undefined under a foreign host. */
  readonly hostSocket: string | undefined;
  /** How the plugin reaches the network. */
  readonly outward: NetworkWay;
}

type Variables = Readonly<Record<string, string | undefined>>;

const NOT_BY_HAND = `This is a Bulkhead plugin. It is started by a plugin host and does nothing on its own.
To run it, name it in bulkhead.yaml and start the host: bulkhead start
`;

/** Why a process cannot serve; printed on stderr before it exits with 1. */
export class CannotServe extends Error {}

/**
 * Reads the host's variables.
 *
 * @throws CannotServe when no host started this process, or with demands that cannot be met
 * @throws BulkheadError PROTOCOL_INCOMPATIBLE
 */
export function parseEnvironment(variables: Variables): RunnerEnvironment {
  if (variables[MAGIC_COOKIE_KEY] !== MAGIC_COOKIE_VALUE) throw new CannotServe(NOT_BY_HAND);
  const network = variables['BULKHEAD_NETWORK'] === 'tcp' ? 'tcp' : 'unix';
  const clientCertPem = given(variables['PLUGIN_CLIENT_CERT']);
  if (network === 'tcp' && clientCertPem === undefined) {
    throw new CannotServe(
      'BULKHEAD_NETWORK=tcp needs PLUGIN_CLIENT_CERT: over TCP a plugin serves with mTLS only. Turn on automatic mTLS in the host.\n',
    );
  }
  return {
    appVersion: chooseVersion(variables['PLUGIN_PROTOCOL_VERSIONS']),
    network,
    clientCertPem,
    socketDir: given(variables['PLUGIN_UNIX_SOCKET_DIR']),
    announceMultiplex: given(variables['PLUGIN_MULTIPLEX_GRPC']) !== undefined,
    lifeline: variables['BULKHEAD_LIFELINE'] === 'stdin',
    hostSocket: given(variables['BULKHEAD_HOST_SOCKET']),
    outward: parseOutward(variables),
  };
}

/** Our host names its own socket to every plugin, and the proxy's to one with a network grant; others name neither. */
function parseOutward(variables: Variables): NetworkWay {
  const egressSocket = given(variables['BULKHEAD_EGRESS_SOCKET']);
  if (egressSocket !== undefined) return { kind: 'granted', egressSocket };
  return given(variables['BULKHEAD_HOST_SOCKET']) === undefined ? { kind: 'direct' } : { kind: 'refused' };
}

function given(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}
