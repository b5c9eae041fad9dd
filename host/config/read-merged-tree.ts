import { dirname, join, parse } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { treeAt, type SourceTree } from '../manifest/source-tree.js';
import { EMPTY, mergeTrees } from './merge.js';
import { namedListsAsMaps } from './named-lists.js';
import { readTree } from './read-tree.js';

/**
 * A configuration and its overlay as they are written, references too; for who needs a few sections before the rest
 * can be read. What is wrong beyond that is told by the start.
 *
 * @param file absolute
 * @throws CONFIG_INVALID when a file cannot be read
 */
export async function readMergedTree(file: string): Promise<SourceTree> {
  const base = await layer(file, 'bulkhead.yaml');
  if (base === undefined) {
    throw new BulkheadError(
      ErrorCode.CONFIG_INVALID,
      `${file}: there is no such file. \`bulkhead init\` writes one.`,
    );
  }
  const asMaps = (tree: SourceTree): SourceTree => namedListsAsMaps(tree, () => undefined);
  const merged = mergeTrees(EMPTY, asMaps(base));
  const named = treeAt(base, ['environment']);
  const environment = named?.kind === 'value' && typeof named.value === 'string' ? named.value : 'production';
  if (!/^[a-z0-9-]+$/.test(environment)) return merged;
  const { name, ext } = parse(file);
  const overlay = await layer(join(dirname(file), `${name}.${environment}${ext}`), `overlay ${environment}`);
  return overlay === undefined ? merged : mergeTrees(merged, asMaps(overlay));
}

/** undefined when there is none. @throws CONFIG_INVALID */
async function layer(file: string, name: string): Promise<SourceTree | undefined> {
  const read = await readTree(file, name);
  if (read.kind === 'absent') return undefined;
  if (read.kind === 'read') return read.tree;
  throw new BulkheadError(ErrorCode.CONFIG_INVALID, `${file} is not valid`, { problems: read.problems });
}
