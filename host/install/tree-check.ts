import { lstatSync, readFileSync, renameSync, writeFileSync, mkdirSync, statSync, type Stats } from 'node:fs';
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
  /** The listing itself, where it is no file of its own; believed on the same condition. */
  readonly listing?: readonly string[];
  /** Where stats of verified files are kept; absent: every file is read. */
  readonly cacheFile?: string;
  /** The user that the host runs as; undefined where there are none. */
  readonly uid?: number;
  /** Paths that are not part of the tree. */
  readonly without?: readonly string[];
  /** What to do about a file that is not as it was. Default: install it again. */
  readonly remedy?: string;
}

const REPAIR = 'Run: bulkhead plugin install';

/** Faults that are told; the rest is counted. */
export const MAX_TOLD_FAULTS = 20;
const OTHERS_MAY_WRITE = 0o022;

/**
 * What a stat said when the bytes were verified: kind, size, mtime, inode, mode, owner; and the ctime of all but files of
 * dependencies: those are shared, and theirs moves whenever another environment links one.
 */
type Stamp = readonly [
  size: number,
  mtimeMs: number,
  ino: number,
  mode: number,
  uid: number,
  ctimeMs: number,
];

interface Cache {
  readonly tree: string;
  readonly sdk: string;
  /** By path; the root is ''. A folder's stamp stands for the list of what is in it. */
  readonly stamps: Readonly<Record<string, Stamp>>;
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
  const cache = readCache(check);
  if (cache !== undefined && isAsCached(check, cache)) return [];
  const without = new Set(check.without);
  const nodes: TreeNode[] = [];
  const rootStats = statSync(check.root);
  checkOwner({ path: '', stats: rootStats, kind: 'folder' }, check.uid, fault);
  for (const node of walkTree(check.root)) {
    if (without.has(node.path)) continue;
    checkOwner(node, check.uid, fault);
    nodes.push(node);
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
  }
  if (faults.length > 0) return faults;
  compareBytes(check, nodes, cache, fault);
  if (faults.length === 0) writeCache(check, nodes);
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

const SHARED = 0;

function stampOf(path: string, stats: Stats): Stamp {
  const { size, mtimeMs, ino, mode, uid, ctimeMs } = stats;
  return [size, mtimeMs, ino, mode, uid, stats.isFile() && !isOwn(path) ? SHARED : ctimeMs];
}

/** Compared member by member without making a stamp: this runs for thousands of files at each start. */
function hasStamp(stats: Stats | undefined, stamp: Stamp | undefined): boolean {
  return (
    stats !== undefined &&
    stamp !== undefined &&
    stats.size === stamp[0] &&
    stats.mtimeMs === stamp[1] &&
    stats.ino === stamp[2] &&
    stats.mode === stamp[3] &&
    stats.uid === stamp[4] &&
    (stamp[5] === SHARED || stats.ctimeMs === stamp[5])
  );
}

/** A tree in which no stat differs, of folders too, holds what it held: nothing has to be listed or read. */
function isAsCached({ root }: TreeCheck, { stamps }: Cache): boolean {
  for (const path in stamps) {
    if (!hasStamp(lstatSync(`${root}/${path}`, { throwIfNoEntry: false }), stamps[path])) return false;
  }
  return '' in stamps;
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
  const { remedy = REPAIR } = check;
  for (const node of nodes) {
    if (node.kind === 'folder') continue;
    const known = expected.get(node.path);
    const unchanged = known !== undefined && hasStamp(node.stats, cache?.stamps[node.path]);
    const line = unchanged ? known : lineOf(check.root, node);
    lines.push(line);
    if (listing === undefined || line === known) continue;
    if (known === undefined)
      fault(ErrorCode.FILE_ADDED, node.path, `was not installed. Remove it, or: ${remedy}`);
    else fault(ErrorCode.FILE_CHANGED, node.path, `is not as it was installed. ${remedy}`);
  }
  if (listing !== undefined) {
    const seen = new Set(nodes.flatMap((node) => (node.kind === 'folder' ? [] : [node.path])));
    for (const path of expected.keys()) {
      if (!seen.has(path)) fault(ErrorCode.FILE_MISSING, path, `was installed and is gone. ${remedy}`);
    }
    return;
  }
  if (!isPinned(check, lines)) {
    fault(
      ErrorCode.FILE_CHANGED,
      '',
      `is not as it was pinned, and the list that would name the file is not there. ${remedy}`,
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
  const lines = check.listing ?? readLines(check.listingFile);
  return lines !== undefined && isPinned(check, lines) ? lines : undefined;
}

function readLines(file: string | undefined): readonly string[] | undefined {
  if (file === undefined) return undefined;
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  } catch {
    return undefined;
  }
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
function writeCache({ root, cacheFile, tree, sdk = '' }: TreeCheck, nodes: readonly TreeNode[]): void {
  if (cacheFile === undefined) return;
  try {
    mkdirSync(dirname(cacheFile), { recursive: true, mode: 0o700 });
    const near = `${cacheFile}.${process.pid}`;
    const stamps = {
      '': stampOf('', lstatSync(root)),
      ...Object.fromEntries(nodes.map(({ path, stats }) => [path, stampOf(path, stats)])),
    };
    const cache: Cache = { tree, sdk, stamps };
    writeFileSync(near, JSON.stringify(cache), { mode: 0o600 });
    renameSync(near, cacheFile);
  } catch {
    // Read-only, or full.
  }
}
