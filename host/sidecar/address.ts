import { realpath } from 'node:fs/promises';
import { isIPv4 } from 'node:net';
import { isAbsolute, relative, resolve } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { HandshakeLine } from '@bulkhead/proto/handshake';

/**
 * The gRPC target behind the address that a plugin announced, once it is one where only this plugin can listen:
 * a socket in its own launch directory, or loopback TCP where the entry says `network: tcp`.
 *
 * @throws BulkheadError ADDRESS_REFUSED
 */
export async function resolveTarget(
  line: HandshakeLine,
  network: 'unix' | 'tcp',
  launchDir: string,
): Promise<string> {
  if (line.network === 'unix') return `unix:${await resolveSocket(line.address, launchDir)}`;
  if (network !== 'tcp') {
    throw refused(line.address, 'TCP, but its entry does not say "network: tcp"');
  }
  if (!isLoopback(line.address)) throw refused(line.address, 'no loopback address with a port');
  return `dns:${line.address}`;
}

async function resolveSocket(address: string, launchDir: string): Promise<string> {
  if (!isAbsolute(address) || address.includes('\0')) throw refused(address, 'not an absolute path');
  if (!isInside(resolve(address), launchDir))
    throw refused(address, `outside its launch directory ${launchDir}`);
  let path: string;
  try {
    path = await realpath(address);
  } catch (error) {
    throw refused(address, 'a socket that does not exist', error);
  }
  if (!isInside(path, launchDir)) throw refused(address, `a link out of its launch directory, to ${path}`);
  return path;
}

function isInside(path: string, directory: string): boolean {
  const way = relative(directory, path);
  return way !== '' && way !== '..' && !way.startsWith('../') && !isAbsolute(way);
}

function isLoopback(address: string): boolean {
  const [, host = '', port = ''] = /^(.*):(\d{1,5})$/.exec(address) ?? [];
  const number = Number(port);
  if (number < 1 || number > 65_535) return false;
  return host === '[::1]' || (isIPv4(host) && host.startsWith('127.'));
}

const MAX_QUOTE = 200;

function refused(address: string, what: string, cause?: unknown): BulkheadError {
  return new BulkheadError(
    ErrorCode.ADDRESS_REFUSED,
    `the plugin announced ${JSON.stringify(address.slice(0, MAX_QUOTE))}: ${what}; ` +
      'a plugin listens in the directory that PLUGIN_UNIX_SOCKET_DIR names',
    cause === undefined ? {} : { cause },
  );
}
