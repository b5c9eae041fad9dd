import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { isPlainObject } from '@bulkhead/proto/rules';
import { HIDDEN } from '../config/write-only.js';
import { MAX_TREE_DEPTH, treeFromValue, type Origin, type SourceTree } from '../manifest/source-tree.js';
import type { Actor } from '../telemetry/audit.js';

/** One value that somebody set: a text, a number, a truth, a null, a list, or an empty map. */
export interface Leaf {
  /** Where in the entry, key by key. */
  readonly path: readonly string[];
  readonly value: unknown;
  /** The value is encrypted, a text: its plugin's schema marks it `writeOnly`. */
  readonly sealed?: true;
  readonly by: Actor;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
}

/** A change of one entry. */
export interface ConfigChange {
  /** Merged into what was set before: maps by key, anything else replaces; `null` removes what lower layers say. */
  readonly set?: Readonly<Record<string, unknown>>;
  /** Places, key by key, that are forgotten with all below them, so that lower layers count again. An empty one forgets the entry. */
  readonly reset?: readonly (readonly string[])[];
}

/** Values of one entry, and bytes of them as JSON. */
const MAX_LEAVES = 5_000;
const MAX_BYTES = 1024 * 1024;

/** @throws INVALID_ARGUMENT when it is no JSON, or too much */
export function changeLeaves(
  before: readonly Leaf[],
  { set = {}, reset = [] }: ConfigChange,
  by: Actor,
  at: number,
): readonly Leaf[] {
  // Each is held against each.
  if (reset.length > MAX_LEAVES) throw tooMuch();
  const leaves = before.filter(({ path }) => !reset.some((place) => leads(place, path)));
  const merged = placesWithin(leaves);
  const added = flatten(set, [])
    // Nothing merged into a map leaves it as it is.
    .filter(([path, value]) => !(isPlainObject(value) && merged.has(keyOf(path))))
    .map(([path, value]): Leaf => ({ path, value, by, at }));
  const replaced = new Set(added.map(({ path }) => keyOf(path)));
  const opened = placesWithin(added);
  const kept = leaves.filter(
    ({ path }) => !opened.has(keyOf(path)) && !prefixesOf(path).some((prefix) => replaced.has(prefix)),
  );
  const after = [...kept, ...added];
  if (after.length > MAX_LEAVES || JSON.stringify(after).length > MAX_BYTES) throw tooMuch();
  return after;
}

function tooMuch(): BulkheadError {
  return new BulkheadError(
    ErrorCode.INVALID_ARGUMENT,
    `expected at most ${MAX_LEAVES} values and ${MAX_BYTES} bytes for one entry, got more; write it into a file instead`,
  );
}

/** Values as a row of the store holds them. */
export function parseLeaves(text: string): readonly Leaf[] {
  const leaves: readonly Leaf[] = JSON.parse(text);
  return leaves;
}

/** The places that a change sets, as `a.b.c`. */
export function placesOf({ set = {} }: ConfigChange): readonly string[] {
  return flatten(set, []).map(([path]) => path.join('.'));
}

/** The tree that stands over the files, each value with who set it; a sealed one is not read. */
export function treeOfLeaves(leaves: readonly Leaf[]): SourceTree {
  const build = (under: readonly Leaf[], depth: number): SourceTree => {
    const [first] = under;
    if (first === undefined) return { kind: 'map', entries: new Map(), origin: { layer: 'store' } };
    if (first.path.length === depth)
      return first.sealed === true ? unreadTree(first) : treeFromValue(asText(first), originOf(first));
    const groups = Map.groupBy(under, ({ path }) => path[depth] ?? '');
    const entries = [...groups].map(([key, group]) => [key, build(group, depth + 1)] as const);
    return { kind: 'map', entries: new Map(entries), origin: originOf(first) };
  };
  return build(leaves, 0);
}

/** `kind:id` as a person reads it. */
export function nameOfActor({ kind, id }: Actor): string {
  return `${kind}:${id}`;
}

/** Stands in a tree for a sealed value that is not opened: nobody looks at it, or checks it. */
function unreadTree(leaf: Leaf): SourceTree {
  return { kind: 'value', value: HIDDEN, shown: HIDDEN, unread: true, origin: originOf(leaf) };
}

function originOf({ by, at }: Leaf): Origin {
  return { layer: 'store', by: nameOfActor(by), at: new Date(at).toISOString() };
}

/** A reference is resolved only where an operator wrote it; a plugin's is text. */
function asText({ value, by }: Leaf): unknown {
  if (by.kind === 'cli' || by.kind === 'token') return value;
  const walk = (inner: unknown): unknown => {
    if (typeof inner === 'string') return inner.replaceAll('${', () => '$${');
    if (Array.isArray(inner)) return inner.map(walk);
    if (isPlainObject(inner))
      return Object.fromEntries(Object.entries(inner).map(([key, member]) => [key, walk(member)]));
    return inner;
  };
  return walk(value);
}

function keyOf(path: readonly string[]): string {
  return JSON.stringify(path);
}

/** A path's own key, and that of each place on the way to it. */
function prefixesOf(path: readonly string[]): readonly string[] {
  return path.map((_key, index) => keyOf(path.slice(0, index + 1)));
}

/** The places below which there are leaves. */
function placesWithin(leaves: readonly Leaf[]): ReadonlySet<string> {
  return new Set(leaves.flatMap(({ path }) => prefixesOf(path.slice(0, -1))));
}

function leads(prefix: readonly string[], path: readonly string[]): boolean {
  return prefix.length <= path.length && prefix.every((key, index) => key === path[index]);
}

function flatten(
  value: unknown,
  path: readonly string[],
): readonly (readonly [readonly string[], unknown])[] {
  if (path.length > MAX_TREE_DEPTH)
    throw new BulkheadError(
      ErrorCode.INVALID_ARGUMENT,
      `expected at most ${MAX_TREE_DEPTH} levels, got more`,
    );
  if (isPlainObject(value)) {
    const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
    if (entries.length > 0) return entries.flatMap(([key, inner]) => flatten(inner, [...path, key]));
  }
  return path.length === 0 ? [] : [[path, value]];
}
