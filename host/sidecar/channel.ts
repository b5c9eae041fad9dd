import { createSecureContext } from 'node:tls';
import {
  Client,
  credentials,
  ServerCredentials,
  type ChannelCredentials,
  type ChannelOptions,
} from '@grpc/grpc-js';
import { certificatePem, type Certificate } from '@bulkhead/proto/handshake';
import type { FloodMeter } from './flood/flood-meter.js';
import { MeteredCredentials } from './flood/metered-credentials.js';

/** A link frame may hold small calls beside its largest body. */
const FRAME_HEADROOM_BYTES = 256 * 1024;
/** Above 1 MiB a larger window gains nothing; below it large messages take a third longer. */
const FLOW_CONTROL_WINDOW_BYTES = 1024 * 1024;
/** A plugin's calls to the host at once. */
const MAX_CONCURRENT_STREAMS = 1_000;
const RECONNECT_BACKOFF_MS = 100;

/** Both certificates of an mTLS connection. */
export interface TlsPair {
  readonly host: Pick<Certificate, 'certPem' | 'keyPem'>;
  /** DER of the only certificate that the plugin may show. */
  readonly pluginDer: Buffer;
}

/**
 * Opens the host's channel to a plugin; it connects with the first call.
 *
 * @param meter hears of its connections
 * @param name what the server is asked for in TLS. Default: the name in every sidecar's certificate
 */
export function openChannel(
  target: string,
  tls: TlsPair | undefined,
  maxMessageBytes: number,
  meter: FloodMeter,
  name = 'localhost',
): Client {
  const inner = tls === undefined ? credentials.createInsecure() : clientCredentials(tls);
  return new Client(target, new MeteredCredentials(inner, meter), {
    ...limits(maxMessageBytes),
    'grpc-node.flow_control_window': FLOW_CONTROL_WINDOW_BYTES,
    // A message is never sent twice behind the caller's back.
    'grpc.enable_retries': 0,
    // One connection for each process: another plugin's trouble is not this one's.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.service_config_disable_resolution': 1,
    'grpc.enable_http_proxy': 0,
    'grpc.enable_channelz': 0,
    // Over TCP the target may be an IP address, which TLS takes as no name.
    ...(tls === undefined ? {} : { 'grpc.ssl_target_name_override': name }),
    'grpc.initial_reconnect_backoff_ms': RECONNECT_BACKOFF_MS,
  });
}

/** Options of the host's server for one plugin. */
export function serverOptions(maxMessageBytes: number): ChannelOptions {
  return {
    ...limits(maxMessageBytes),
    'grpc.max_concurrent_streams': MAX_CONCURRENT_STREAMS,
    'grpc.enable_channelz': 0,
  };
}

/** The host's side of its own socket: the same two certificates, client certificate required. */
export function serverCredentials(tls: TlsPair | undefined): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  return ServerCredentials.createSsl(
    Buffer.from(certificatePem(tls.pluginDer)),
    [{ private_key: Buffer.from(tls.host.keyPem), cert_chain: Buffer.from(tls.host.certPem) }],
    true,
  );
}

function limits(maxMessageBytes: number): ChannelOptions {
  return {
    'grpc.max_send_message_length': maxMessageBytes + FRAME_HEADROOM_BYTES,
    'grpc.max_receive_message_length': maxMessageBytes + FRAME_HEADROOM_BYTES,
  };
}

function clientCredentials(tls: TlsPair): ChannelCredentials {
  const context = createSecureContext({
    ca: certificatePem(tls.pluginDer),
    cert: tls.host.certPem,
    key: tls.host.keyPem,
    // The certificate is trusted by itself, also where somebody else signed it.
    allowPartialTrustChain: true,
    minVersion: 'TLSv1.2',
  });
  return credentials.createFromSecureContext(context, {
    checkServerIdentity: (_name, certificate) => refuseOthers(tls.pluginDer, certificate),
  });
}

/** Stricter than a name, and than the chain: that one certificate, not another that it signed. */
export function refuseOthers(expectedDer: Buffer, shown: { readonly raw: Uint8Array }): Error | undefined {
  return expectedDer.equals(shown.raw)
    ? undefined
    : new Error('the certificate is not the one that the plugin announced');
}
