import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { connect, type ConnectionOptions } from 'node:tls';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { RemotePlugin, RemoteTls } from '../../config/remote-address.js';
import type { TlsPair } from '../channel.js';

/**
 * Both certificates of a connection to a remote plugin: the host's own, and the one that the server showed and that is
 * the one meant. The channel then takes this certificate and no other.
 *
 * @throws BulkheadError CERTIFICATE_REFUSED; PLUGIN_UNAVAILABLE when nobody answers there
 */
export async function pinServer(remote: RemotePlugin, tls: RemoteTls, signal: AbortSignal): Promise<TlsPair> {
  const [cert, key, ca] = await Promise.all([
    read(tls.cert),
    read(tls.key),
    tls.ca === undefined ? undefined : read(tls.ca),
  ]);
  const options: ConnectionOptions = {
    host: remote.host,
    port: remote.port,
    ...(isIP(remote.host) === 0 ? { servername: remote.host } : {}),
    cert,
    key,
    ...(ca === undefined ? {} : { ca }),
    ALPNProtocols: ['h2'],
    minVersion: 'TLSv1.2',
    // With a fingerprint it is not who signed that counts, nor the name; it is compared below, before anything is sent.
    rejectUnauthorized: tls.fingerprint === undefined,
  };
  const pluginDer = await shownCertificate(remote, options, signal);
  if (tls.fingerprint !== undefined) {
    const shown = createHash('sha256').update(pluginDer).digest('hex');
    if (shown !== tls.fingerprint) {
      throw refused(remote, `expected the certificate with SHA-256 ${tls.fingerprint}, got ${shown}`);
    }
  }
  return { host: { certPem: cert, keyPem: key }, pluginDer };
}

function shownCertificate(
  remote: RemotePlugin,
  options: ConnectionOptions,
  signal: AbortSignal,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let reached = false;
    let socket: ReturnType<typeof connect>;
    try {
      socket = connect(options);
    } catch (error) {
      reject(refused(remote, `the files under tls cannot be used (${text(error)})`, error));
      return;
    }
    const finish = (settle: () => void): void => {
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      settle();
    };
    const onAbort = (): void => {
      finish(() => {
        reject(unreachable(remote, 'given up'));
      });
    };
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    socket.once('connect', () => {
      reached = true;
    });
    socket.once('secureConnect', () => {
      const { raw } = socket.getPeerCertificate();
      finish(() => {
        resolve(raw);
      });
    });
    socket.on('error', (error) => {
      finish(() => {
        if (reached) reject(refused(remote, text(error), error));
        else reject(unreachable(remote, text(error), error));
      });
    });
    socket.once('close', () => {
      finish(() => {
        reject(refused(remote, 'the connection was closed before TLS was up'));
      });
    });
  });
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new BulkheadError(
      ErrorCode.CERTIFICATE_REFUSED,
      `expected a PEM file at ${file}, which the entry's tls names; it cannot be read (${text(error)})`,
      { cause: error },
    );
  }
}

function refused({ address }: RemotePlugin, why: string, cause?: unknown): BulkheadError {
  return new BulkheadError(
    ErrorCode.CERTIFICATE_REFUSED,
    `${address} did not prove to be the plugin that the entry's tls means: ${why}`,
    cause === undefined ? {} : { cause },
  );
}

function unreachable({ address }: RemotePlugin, why: string, cause?: unknown): BulkheadError {
  return new BulkheadError(ErrorCode.PLUGIN_UNAVAILABLE, `${address} could not be reached (${why})`, {
    retryable: true,
    ...(cause === undefined ? {} : { cause }),
  });
}

function text(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error ? `${String(error.code)}: ${error.message}` : error.message;
}
