import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats } from 'node:fs';
import { join, posix } from 'node:path';
import { sha512 } from './integrity.js';

/** What is at one path of a tree. `stamp` is what a stat says: equal stamps, equal bytes. */
export type TreeNode =
  | { readonly kind: 'file'; readonly path: string; readonly stats: Stats }
  | { readonly kind: 'link'; readonly path: string; readonly target: string; readonly stats: Stats }
  | { readonly kind: 'folder'; readonly path: string; readonly stats: Stats }
  | { readonly kind: 'other'; readonly path: string; readonly stats: Stats };

/** More entries than this are no plugin. */
export const MAX_TREE_ENTRIES = 500_000;

/**
 * Everything below a folder, in no particular order; links are not followed. Synchronous, because that is several times
 * faster for thousands of small files: run it in a worker where an event loop must not wait.
 *
 * @throws RangeError when there is no end to it
 */
export function* walkTree(root: string): Generator<TreeNode> {
  const waiting = [''];
  let count = 0;
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    const prefix = folder === '' ? '' : `${folder}/`;
    for (const name of readdirSync(`${root}/${folder}`)) {
      count += 1;
      if (count > MAX_TREE_ENTRIES) throw new RangeError(`${root} has more than ${MAX_TREE_ENTRIES} files`);
      const path = prefix + name;
      const full = `${root}/${path}`;
      const stats = lstatSync(full);
      if (stats.isFile()) yield { kind: 'file', path, stats };
      else if (stats.isDirectory()) {
        waiting.push(path);
        yield { kind: 'folder', path, stats };
      } else if (stats.isSymbolicLink()) yield { kind: 'link', path, target: readlinkSync(full), stats };
      else yield { kind: 'other', path, stats };
    }
  }
}

/**
 * Whether a link stays in its tree. The target has to be written the shortest way: then its first dots count from real
 * folders, and every further link on its way is one that was looked at too.
 */
export function staysInside({ path, target }: { readonly path: string; readonly target: string }): boolean {
  if (posix.isAbsolute(target) || posix.normalize(target) !== target.replace(/\/$/, '')) return false;
  const meant = posix.join(posix.dirname(path), target);
  return meant !== '..' && !meant.startsWith('../');
}

const EXECUTABLE = 0o100;

/** One line of a listing: kind (`f`, `x` executable, `l` link), hash or target, path. Paths are JSON, so that none can break a line. */
export function fileLine(path: string, hash: string, mode: number): string {
  return `${(mode & EXECUTABLE) === 0 ? 'f' : 'x'} ${hash} ${JSON.stringify(path)}`;
}

export function linkLine(path: string, target: string): string {
  return `l ${JSON.stringify(target)} ${JSON.stringify(path)}`;
}

/** The path of a line. */
export function pathOfLine(line: string): string {
  const at = line.lastIndexOf(' "');
  const path: unknown = JSON.parse(line.slice(at + 1));
  return String(path);
}

export function hashOfFile(file: string): string {
  return sha256(readFileSync(file));
}

export function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/**
 * Every file and link of a tree, one line each, sorted: what the tree's hash is made of.
 *
 * @param without paths (and what is below them) that are left out
 * @throws Error for anything that is neither file, folder nor link
 */
export function listTree(root: string, without: ReadonlySet<string> = new Set()): readonly string[] {
  const lines: string[] = [];
  for (const node of walkTree(root)) {
    if (without.has(node.path)) continue;
    if (node.kind === 'file')
      lines.push(fileLine(node.path, hashOfFile(join(root, node.path)), node.stats.mode));
    else if (node.kind === 'link') lines.push(linkLine(node.path, node.target));
    else if (node.kind === 'other') throw new Error(`${node.path} is neither a file, a folder nor a link`);
  }
  return lines.sort();
}

/** The hash over a listing. */
export function hashListing(lines: readonly string[]): string {
  return sha512(lines.map((line) => `${line}\n`).join(''));
}

const SDK_FOLDER = 'node_modules/@bulkhead/sdk/';

/** An environment's lines, apart: its own, and those of an SDK that the host provided, with paths as in the SDK. */
export function splitListing(lines: readonly string[]): {
  readonly own: readonly string[];
  readonly sdk: readonly string[];
} {
  const own: string[] = [];
  const sdk: string[] = [];
  for (const line of lines) {
    const at = line.lastIndexOf(' "') + 2;
    if (line.startsWith(SDK_FOLDER, at)) sdk.push(line.slice(0, at) + line.slice(at + SDK_FOLDER.length));
    else own.push(line);
  }
  return { own, sdk: sdk.sort() };
}
