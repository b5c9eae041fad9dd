import { readFileSync, renameSync, writeFileSync, mkdirSync, statSync, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import { ErrorCode, type Problem } from '@bulkhead/proto';
import {
  fileLine,
  hashListing,
  hashOfFile,
  linkLine,
  pathOfLine,
  splitListing,
  staysInside,
  walkTree,
  type TreeNode,
} from './tree.js';

/** What an installed tree is held against. Plain data: it crosses to a worker. */
export interface TreeCheck {
  readonly root: string;
  /** The hash over its listing; without the SDK's files when `sdk` is there. */
  readonly tree: string;
  /** The hash over the listing of the SDK that the host provided. */
  readonly sdk?: string;
  /** The listing, as it was written at install: names the file at fault. It is believed only when its hashes are the pinned ones. */
  readonly listingFile?: string;
  /** Where stats of verified files are kept; absent: every file is read. */
  readonly cacheFile?: string;
  /** The user that the host runs as; undefined where there are none. */
  readonly uid?: number;
  /** Paths that are not part of the tree. */
  readonly without?: readonly string[];
}

/** Faults that are told; the rest is counted. */
export const MAX_TOLD_FAULTS = 20;
const OTHERS_MAY_WRITE = 0o022;

interface Cache {
  readonly tree: string;
  readonly sdk: string;
  /** Stamps by path. */
  readonly stamps: Readonly<Record<string, string>>;
}

/**
 * Holds a tree against its pinned hashes: owner, modes, links, and every byte; files whose stat says that they are as
 * they were verified are not read again.
 *
 * @returns the faults, at most {@link MAX_TOLD_FAULTS}; none when all is as it was installed
 */
export function checkTree(check: TreeCheck): readonly Problem[] {
  const faults: Problem[] = [];
  const fault = (code: ErrorCode, file: string, message: string): void => {
    if (faults.length < MAX_TOLD_FAULTS) faults.push({ code, file: join(check.root, file), message });
  };
  const without = new Set(check.without);
  const nodes: TreeNode[] = [];
  const stamps: Record<string, string> = {};
  const rootStats = statSync(check.root);
  checkOwner({ path: '', stats: rootStats, kind: 'folder' }, check.uid, fault);
  for (const node of walkTree(check.root)) {
    if (without.has(node.path)) continue;
    checkOwner(node, check.uid, fault);
    if (node.kind === 'folder') continue;
    if (node.kind === 'other') {
      fault(ErrorCode.FILE_LINK_REFUSED, node.path, 'is neither a file, a folder nor a link.');
    } else if (node.kind === 'link' && !staysInside(node)) {
      fault(
        ErrorCode.FILE_LINK_REFUSED,
        node.path,
        `is a link that leads out of the package, to ${node.target}.`,
      );
    } else if (node.kind === 'file' && isOwn(node.path) && node.stats.nlink > 1) {
      fault(
        ErrorCode.FILE_LINK_REFUSED,
        node.path,
        'is a hard link: another name of that file can change it.',
      );
    }
    nodes.push(node);
    stamps[node.path] = stampOf(node);
  }
  if (faults.length > 0) return faults;
  const cache = readCache(check);
  if (cache !== undefined && equalStamps(cache.stamps, stamps)) return [];
  compareBytes(check, nodes, cache, fault);
  if (faults.length === 0) writeCache(check, stamps);
  return faults;
}

function checkOwner(
  { path, stats, kind }: { readonly path: string; readonly stats: Stats; readonly kind: TreeNode['kind'] },
  uid: number | undefined,
  fault: (code: ErrorCode, file: string, message: string) => void,
): void {
  if (uid === undefined) return;
  if (stats.uid !== uid && stats.uid !== 0) {
    fault(ErrorCode.FOREIGN_OWNER, path, `belongs to uid ${stats.uid}; expected uid ${uid} or root.`);
  }
  if (kind !== 'link' && (stats.mode & OTHERS_MAY_WRITE) !== 0) {
    fault(
      ErrorCode.WRITABLE_BY_OTHERS,
      path,
      `may be written by group or others (mode ${(stats.mode & 0o7777).toString(8)}). Run: chmod go-w`,
    );
  }
}

/** The package's own files are copies; files of dependencies are shared with a store. */
function isOwn(path: string): boolean {
  return !path.startsWith('node_modules/');
}

/** A shared file's ctime moves whenever another environment links it, so it says nothing there. */
function stampOf(node: TreeNode): string {
  if (node.kind === 'link') return `l ${node.target}`;
  const { size, mtimeMs, ino, mode, ctimeMs } = node.stats;
  return `${size} ${mtimeMs} ${ino} ${mode}${isOwn(node.path) ? ` ${ctimeMs}` : ''}`;
}

function equalStamps(a: Cache['stamps'], b: Cache['stamps']): boolean {
  let count = 0;
  for (const path in b) {
    if (a[path] !== b[path]) return false;
    count += 1;
  }
  return count === Object.keys(a).length;
}

function compareBytes(
  check: TreeCheck,
  nodes: readonly TreeNode[],
  cache: Cache | undefined,
  fault: (code: ErrorCode, file: string, message: string) => void,
): void {
  const listing = readListing(check);
  const expected = new Map(listing?.map((line) => [pathOfLine(line), line]));
  const lines: string[] = [];
  for (const node of nodes) {
    const known = expected.get(node.path);
    const unchanged = known !== undefined && cache?.stamps[node.path] === stampOf(node);
    const line = unchanged ? known : lineOf(check.root, node);
    lines.push(line);
    if (listing === undefined || line === known) continue;
    if (known === undefined)
      fault(ErrorCode.FILE_ADDED, node.path, 'was not installed. Remove it, or run: bulkhead plugin install');
    else fault(ErrorCode.FILE_CHANGED, node.path, 'is not as it was installed. Run: bulkhead plugin install');
  }
  if (listing !== undefined) {
    const seen = new Set(nodes.map((node) => node.path));
    for (const path of expected.keys()) {
      if (!seen.has(path))
        fault(ErrorCode.FILE_MISSING, path, 'was installed and is gone. Run: bulkhead plugin install');
    }
    return;
  }
  if (!isPinned(check, lines)) {
    fault(
      ErrorCode.FILE_CHANGED,
      '',
      'is not as it was pinned, and the list that would name the file is not there. Run: bulkhead plugin install',
    );
  }
}

function lineOf(root: string, node: TreeNode): string {
  return node.kind === 'link'
    ? linkLine(node.path, node.target)
    : fileLine(node.path, hashOfFile(join(root, node.path)), node.stats.mode);
}

function isPinned(check: TreeCheck, lines: readonly string[]): boolean {
  if (check.sdk === undefined) return hashListing([...lines].sort()) === check.tree;
  const { own, sdk } = splitListing(lines);
  return hashListing([...own].sort()) === check.tree && hashListing(sdk) === check.sdk;
}

/** undefined when there is none, or one that is not what was pinned. */
function readListing(check: TreeCheck): readonly string[] | undefined {
  if (check.listingFile === undefined) return undefined;
  let text: string;
  try {
    text = readFileSync(check.listingFile, 'utf8');
  } catch {
    return undefined;
  }
  const lines = text.split('\n').filter((line) => line !== '');
  return isPinned(check, lines) ? lines : undefined;
}

/** undefined when there is none, it is of another tree, or somebody else could have written it. */
function readCache({ cacheFile, tree, sdk = '', uid }: TreeCheck): Cache | undefined {
  if (cacheFile === undefined) return undefined;
  try {
    const stats = statSync(cacheFile);
    if (uid !== undefined && (stats.uid !== uid || (stats.mode & OTHERS_MAY_WRITE) !== 0)) return undefined;
    const value: unknown = JSON.parse(readFileSync(cacheFile, 'utf8'));
    return isCache(value) && value.tree === tree && value.sdk === sdk ? value : undefined;
  } catch {
    return undefined;
  }
}

function isCache(value: unknown): value is Cache {
  if (typeof value !== 'object' || value === null) return false;
  return (
    'tree' in value &&
    'sdk' in value &&
    'stamps' in value &&
    typeof value.stamps === 'object' &&
    value.stamps !== null
  );
}

/** That it cannot be written costs time at the next start and nothing else. */
function writeCache({ cacheFile, tree, sdk = '' }: TreeCheck, stamps: Cache['stamps']): void {
  if (cacheFile === undefined) return;
  try {
    mkdirSync(dirname(cacheFile), { recursive: true, mode: 0o700 });
    const near = `${cacheFile}.${process.pid}`;
    const cache: Cache = { tree, sdk, stamps };
    writeFileSync(near, JSON.stringify(cache), { mode: 0o600 });
    renameSync(near, cacheFile);
  } catch {
    // Read-only, or full.
  }
}
