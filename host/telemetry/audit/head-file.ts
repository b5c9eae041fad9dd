import { readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChainPlace } from './chain.js';

const HEAD_FILE = 'audit-head.json';
const OWNER_ONLY = 0o600;

/**
 * Notes beside the data where this host's chain stands. It may lag and never runs ahead, so a chain that ends before it
 * has lost its tail.
 */
export async function writeHeadFile(dataDir: string, { seq, hash }: ChainPlace): Promise<void> {
  const file = join(dataDir, HEAD_FILE);
  await writeFile(`${file}.new`, `${JSON.stringify({ seq, hash })}\n`, { mode: OWNER_ONLY });
  await rename(`${file}.new`, file);
}

/** undefined when there is none, or none that can be read. */
export function readHeadFile(dataDir: string): ChainPlace | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(join(dataDir, HEAD_FILE), 'utf8'));
    if (typeof value !== 'object' || value === null || !('seq' in value) || !('hash' in value))
      return undefined;
    const { seq, hash } = value;
    return typeof seq === 'number' && typeof hash === 'string' ? { seq, hash } : undefined;
  } catch {
    return undefined;
  }
}
