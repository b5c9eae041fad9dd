import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ErrorCode, type Problem } from '@bulkhead/proto';
import { MAX_DOCUMENT_BYTES, parseDocumentText } from '../manifest/document.js';
import type { SourceTree } from '../manifest/source-tree.js';

export type TreeRead =
  | { readonly kind: 'read'; readonly file: string; readonly tree: SourceTree }
  | { readonly kind: 'absent' }
  | { readonly kind: 'failed'; readonly problems: readonly Problem[] };

/** Reads one YAML or JSON file whose root is a map. */
export async function readTree(file: string, layer: string): Promise<TreeRead> {
  const failed = (message: string): TreeRead => ({
    kind: 'failed',
    problems: [{ code: ErrorCode.CONFIG_INVALID, message, file }],
  });
  let text: string;
  try {
    const found = await stat(file);
    // A pipe would be waited for without end.
    if (!found.isFile()) return failed('expected a regular file, found something else.');
    const { size } = found;
    if (size > MAX_DOCUMENT_BYTES)
      return failed(`expected at most ${MAX_DOCUMENT_BYTES} bytes, got ${size}.`);
    text = await readFile(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    return code === 'ENOENT' || code === 'ENOTDIR'
      ? { kind: 'absent' }
      : failed(`the file cannot be read (${code}).`);
  }
  const parsed = parseDocumentText(text, { file, layer, code: ErrorCode.CONFIG_INVALID });
  if (!parsed.ok) return { kind: 'failed', problems: parsed.problems };
  return parsed.tree.kind === 'map'
    ? { kind: 'read', file, tree: parsed.tree }
    : failed('expected a map of keys.');
}

/** Reads `config.yaml`, `config.yml` or `config.json` of a folder; more than one of them is a fault. */
export async function readConfigFile(folder: string, layer: string): Promise<TreeRead> {
  const found: TreeRead[] = [];
  for (const name of ['config.yaml', 'config.yml', 'config.json']) {
    const read = await readTree(join(folder, name), layer);
    if (read.kind === 'failed') return read;
    if (read.kind === 'read') found.push(read);
  }
  const [first, ...more] = found;
  if (more.length > 0) {
    const message = 'expected one of config.yaml, config.yml and config.json, found more than one. Keep one.';
    return { kind: 'failed', problems: [{ code: ErrorCode.CONFIG_INVALID, message, file: folder }] };
  }
  return first ?? { kind: 'absent' };
}
