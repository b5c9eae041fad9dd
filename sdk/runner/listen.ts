import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServerCredentials, type Server } from '@grpc/grpc-js';
import { createCertificate, formatHandshakeLine, type Certificate } from '@bulkhead/proto/handshake';
import { CannotServe, type RunnerEnvironment } from './environment.js';

/** sun_path holds 108 bytes with its terminator. */
const MAX_SOCKET_PATH_BYTES = 107;

export interface Listening {
  /** What to print as the first line on stdout. */
  readonly handshakeLine: string;
  /** Our own certificate, where the host asked for one: what its socket asks for too. */
  readonly certificate: Certificate | undefined;
  /** Removes the socket, and the directory when it is ours. */
  cleanUp(): void;
}

/**
 * Starts the server where the host asked for it, with a certificate of its own when the host gave one.
 *
 * @throws CannotServe when the socket's path is too long; Error as the operating system gives it
 */
export async function listen(server: Server, environment: RunnerEnvironment): Promise<Listening> {
  const certificate = environment.clientCertPem === undefined ? undefined : createCertificate();
  const credentials =
    certificate === undefined || environment.clientCertPem === undefined
      ? ServerCredentials.createInsecure()
      : ServerCredentials.createSsl(
          Buffer.from(environment.clientCertPem),
          [{ private_key: Buffer.from(certificate.keyPem), cert_chain: Buffer.from(certificate.certPem) }],
          true,
        );
  const place = environment.network === 'tcp' ? undefined : choosePath(environment.socketDir);
  const target = place === undefined ? '127.0.0.1:0' : `unix:${place.path}`;
  const port = await bind(server, target, credentials);
  // The directory is private already; this is for hosts whose directory is not.
  if (place !== undefined) chmodSync(place.path, 0o600);
  const line = formatHandshakeLine({
    appVersion: environment.appVersion,
    network: environment.network,
    address: place?.path ?? `127.0.0.1:${port}`,
    ...(certificate === undefined ? {} : { certificateDer: certificate.certDer }),
    ...(environment.announceMultiplex ? { multiplex: false } : {}),
  });
  return {
    handshakeLine: line,
    certificate,
    cleanUp() {
      if (place !== undefined) rmSync(place.ownDirectory ?? place.path, { recursive: true, force: true });
    },
  };
}

interface Place {
  readonly path: string;
  /** Set when nobody named a directory, so that we made one. */
  readonly ownDirectory: string | undefined;
}

function choosePath(socketDir: string | undefined): Place {
  const ownDirectory = socketDir === undefined ? mkdtempSync(join(tmpdir(), 'bulkhead-')) : undefined;
  // Random, because a host may give several plugins one directory.
  const path = join(socketDir ?? ownDirectory ?? '', `plugin-${randomBytes(4).toString('hex')}.sock`);
  const bytes = Buffer.byteLength(path);
  if (bytes <= MAX_SOCKET_PATH_BYTES) return { path, ownDirectory };
  if (ownDirectory !== undefined) rmSync(ownDirectory, { recursive: true, force: true });
  throw new CannotServe(
    `${path} is ${bytes} bytes long; a socket's path has at most ${MAX_SOCKET_PATH_BYTES}. Set PLUGIN_UNIX_SOCKET_DIR to a shorter directory.\n`,
  );
}

/** @returns the port, over TCP */
export function bind(server: Server, target: string, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(target, credentials, (error, port) => {
      if (error === null) resolve(port);
      else reject(error);
    });
  });
}
