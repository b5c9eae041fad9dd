import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { ROOT } from './step.mjs';

/**
 * Hash of the contents of files, and of their names.
 * @param {readonly string[]} files absolute paths; one that is missing counts as missing
 */
export function hashFiles(files, extra = '') {
  const hash = createHash('sha256').update(extra);
  for (const file of [...files].sort()) {
    hash.update(`\0${relative(ROOT, file)}\0`).update(read(file) ?? '\0missing');
  }
  return hash.digest('hex');
}

/** Where a step notes what it last did; inside node_modules, so that removing those forgets it. */
const stampFile = (name) => join(ROOT, 'node_modules', '.bulkhead', name);

export function isStamped(name, value) {
  return read(stampFile(name))?.toString() === value;
}

export function writeStamp(name, value) {
  mkdirSync(dirname(stampFile(name)), { recursive: true });
  writeFileSync(stampFile(name), value);
}

function read(file) {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}
