import { randomBytes } from 'node:crypto';
import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { SecretKeyPlace } from '../../config/secrets-section.js';
import { KEY_BYTES, secretKeyOf, type SecretKey } from './seal.js';

/** The keys that this host holds, the newest last. Which one is written with, the store says. */
export interface KeyRing {
  readonly keys: readonly SecretKey[];
  /** For messages. */
  readonly where: string;
  /** Makes a key and keeps it after the others; undefined where it cannot, because an operator holds the keys. */
  readonly addKey?: () => Promise<SecretKey>;
  /** Keeps this key alone. */
  readonly keepOnly?: (key: SecretKey) => Promise<void>;
}

const OWNER_ONLY = 0o600;
const OTHERS = 0o077;

/**
 * Reads the keys from where the configuration says: one or more, base64 or hex, one a line or with commas between.
 *
 * @throws SECRET_KEY_INVALID
 */
export async function openKeyRing(
  place: SecretKeyPlace,
  readEnv: (name: string) => string | undefined,
): Promise<KeyRing> {
  if (place.kind === 'env') {
    const where = `the environment variable ${place.name}`;
    const text = readEnv(place.name);
    if (text === undefined) throw invalid(`${where} is not set`);
    return { where, keys: parseKeys(text, where) };
  }
  const { path } = place;
  const text = await readKeyFile(path);
  if (text === undefined && !place.byDefault) throw invalid(`there is no file ${path}`);
  let keys = text === undefined ? [] : parseKeys(text, path);
  const write = async (next: readonly SecretKey[]): Promise<void> => {
    const lines = next.map(({ bytes }) => `${Buffer.from(bytes).toString('base64')}\n`).join('');
    await writeFile(`${path}.new`, lines, { mode: OWNER_ONLY, flush: true });
    await rename(`${path}.new`, path);
    keys = [...next];
  };
  return {
    where: path,
    get keys() {
      return keys;
    },
    async addKey() {
      const key = secretKeyOf(randomBytes(KEY_BYTES));
      await write([...keys, key]);
      return key;
    },
    keepOnly: (key) => write([key]),
  };
}

async function readKeyFile(path: string): Promise<string | undefined> {
  try {
    const { mode } = await stat(path);
    if ((mode & OTHERS) !== 0) throw invalid(`others may read ${path}; chmod 600 it, and rotate the key`);
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function parseKeys(text: string, where: string): SecretKey[] {
  const words = text.split(/[\s,]+/).filter((word) => word !== '');
  if (words.length === 0) throw invalid(`expected a key in ${where}, got nothing`);
  return words.map((word) => {
    const bytes = /^[0-9a-f]{64}$/i.test(word) ? Buffer.from(word, 'hex') : Buffer.from(word, 'base64');
    if (bytes.length === KEY_BYTES) return secretKeyOf(bytes);
    // Never the key itself in a message.
    throw invalid(
      `expected keys of ${KEY_BYTES} bytes in base64 or hex in ${where}, got ${bytes.length} bytes`,
    );
  });
}

export function invalid(what: string): BulkheadError {
  return new BulkheadError(
    ErrorCode.SECRET_KEY_INVALID,
    `${what}. Name the key with secrets.key_env or secrets.key_file; \`openssl rand -base64 32\` makes one`,
  );
}
