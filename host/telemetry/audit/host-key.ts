import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  verify,
} from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';

/** Who a host is in the audit log: an Ed25519 key whose fingerprint is the host's id, so that no other key can speak for it. */
export interface HostKey {
  readonly hostId: string;
  /** Base64 of the SPKI. */
  readonly publicKey: string;
  /** Base64. */
  sign(text: string): string;
}

const KEY_FILE = 'audit-key.pem';
const OWNER_ONLY = 0o600;
const FINGERPRINT_CHARS = 32;

/**
 * The key of the host that uses a data directory; made, mode 0600, at the first use.
 *
 * @throws AUDIT_BROKEN when the file holds no such key
 */
export function openHostKey(dataDir: string): HostKey {
  const file = join(dataDir, KEY_FILE);
  const pem = readIfThere(file) ?? createKeyFile(dataDir, file);
  const privateKey = parse(pem, file);
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' }).toString('base64');
  return {
    hostId: hostIdOf(publicKey),
    publicKey,
    sign: (text) => sign(null, Buffer.from(text), privateKey).toString('base64'),
  };
}

/** The id of the host that has a public key. */
export function hostIdOf(publicKey: string): string {
  return createHash('sha256')
    .update(Buffer.from(publicKey, 'base64'))
    .digest('hex')
    .slice(0, FINGERPRINT_CHARS);
}

/** Whether a host signed a text; false for a key that is not the host's own. */
export function isSignedBy(hostId: string, publicKey: string, text: string, signature: string): boolean {
  if (hostIdOf(publicKey) !== hostId) return false;
  try {
    const key = createPublicKey({ key: Buffer.from(publicKey, 'base64'), type: 'spki', format: 'der' });
    return verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64'));
  } catch {
    return false;
  }
}

function parse(pem: string, file: string) {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
    throw new TypeError(`a key of type ${key.asymmetricKeyType ?? 'unknown'}`);
  } catch (error) {
    throw new BulkheadError(
      ErrorCode.AUDIT_BROKEN,
      `expected an Ed25519 private key in ${file}; restore it from a backup, or move it away to begin a new chain`,
      { cause: error },
    );
  }
}

/** Two processes that make it at once end up with the same one. */
function createKeyFile(dataDir: string, file: string): string {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const { privateKey } = generateKeyPairSync('ed25519');
  const made = `${file}.${process.pid}`;
  writeFileSync(made, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: OWNER_ONLY, flush: true });
  try {
    linkSync(made, file);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  } finally {
    rmSync(made, { force: true });
  }
  return readFileSync(file, 'utf8');
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
