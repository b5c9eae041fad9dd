import { isDeepStrictEqual } from 'node:util';
import { isRawNumber, type JsonValue } from '@bulkhead/proto/json';
import { parseFieldPointer, type FieldPointer, type HookSpec } from '@bulkhead/proto/rules';

/** The chosen places of one JSON value as a tree; `true` means everything below. */
export interface SelectionTree {
  readonly [part: string]: SelectionTree | true;
}

/** What a registration with `fields` sees: JSON field to the chosen places in it. */
export type FieldSelection = ReadonlyMap<string, SelectionTree | true>;

/** @returns undefined when the whole payload is chosen */
export function compileFields(
  spec: HookSpec,
  fields: readonly string[] | undefined,
): FieldSelection | undefined {
  if (fields === undefined || fields.includes('*')) return undefined;
  const selection = new Map<string, SelectionTree | true>();
  for (const text of fields) {
    const pointer = parseFieldPointer(text);
    if (pointer === undefined) continue;
    const [field, rest] =
      spec.mainField === undefined ? [pointer[0], pointer.slice(1)] : [spec.mainField, pointer];
    if (field !== undefined) selection.set(field, grow(selection.get(field), rest));
  }
  return selection;
}

function grow(tree: SelectionTree | true | undefined, pointer: FieldPointer): SelectionTree | true {
  const [part, ...rest] = pointer;
  if (part === undefined || tree === true) return true;
  const grown: Record<string, SelectionTree | true> = Object.assign(emptyRecord(), tree);
  grown[part] = grow(grown[part], rest);
  return grown;
}

type Container = Record<string, JsonValue> | JsonValue[];

/** Only the chosen places, at their old depth: other members are left out, other items of a list are null. */
export function extractFields(tree: SelectionTree | true, value: JsonValue): JsonValue {
  if (tree === true || !isContainer(value)) return tree === true ? value : null;
  if (Array.isArray(value)) {
    return value.map((item, index) => {
      const below = branch(tree, String(index));
      return below === undefined || !reaches(below, item) ? null : extractFields(below, item);
    });
  }
  const kept = emptyRecord<JsonValue>();
  for (const key of Object.keys(value)) {
    const below = branch(tree, key);
    const item = value[key];
    if (below !== undefined && item !== undefined && reaches(below, item))
      kept[key] = extractFields(below, item);
  }
  return kept;
}

/**
 * Takes over from `changed` what stands at the chosen places and keeps everything else of `original`:
 * a member may be set, added or removed there, an item may be set. Where the chosen place is every item of a list,
 * the list may grow and shrink.
 */
export function mergeFields(tree: SelectionTree | true, original: JsonValue, changed: JsonValue): JsonValue {
  if (tree === true) return changed;
  if (!isContainer(original) || !isContainer(changed) || Array.isArray(original) !== Array.isArray(changed)) {
    return original;
  }
  return Array.isArray(original)
    ? mergeItems(tree, original, changed as readonly JsonValue[])
    : mergeMembers(tree, original as Record<string, JsonValue>, changed as Record<string, JsonValue>);
}

function mergeItems(
  tree: SelectionTree,
  original: readonly JsonValue[],
  changed: readonly JsonValue[],
): JsonValue {
  if (tree['*'] === true) return changed;
  return original.map((item, index) => {
    const below = branch(tree, String(index));
    const other = changed[index];
    if (below === undefined || other === undefined || !reaches(below, item)) return item;
    return mergeFields(below, item, other);
  });
}

function mergeMembers(
  tree: SelectionTree,
  original: Readonly<Record<string, JsonValue>>,
  changed: Readonly<Record<string, JsonValue>>,
): JsonValue {
  const merged = emptyRecord<JsonValue>();
  for (const key of Object.keys(original)) {
    const item = original[key];
    if (item === undefined) continue;
    const below = branch(tree, key);
    const other = Object.hasOwn(changed, key) ? changed[key] : undefined;
    if (below === undefined || !reaches(below, item)) merged[key] = item;
    else if (other !== undefined) merged[key] = mergeFields(below, item, other);
    else if (below !== true) merged[key] = item;
  }
  for (const key of Object.keys(changed)) {
    const added = changed[key];
    if (added !== undefined && !Object.hasOwn(original, key) && branch(tree, key) === true)
      merged[key] = added;
  }
  return merged;
}

/** Whether `changed` holds anything that merging did not take over. */
export function exceedsSelection(tree: SelectionTree | true, merged: JsonValue, changed: JsonValue): boolean {
  return tree !== true && !isDeepStrictEqual(plain(extractFields(tree, merged)), plain(changed));
}

function branch(tree: SelectionTree, part: string): SelectionTree | true | undefined {
  const exact = tree[part];
  const every = tree['*'];
  if (exact === undefined || every === undefined || exact === every) return exact ?? every;
  return exact === true || every === true ? true : join(exact, every);
}

function join(one: SelectionTree, other: SelectionTree): SelectionTree {
  const joined: Record<string, SelectionTree | true> = Object.assign(emptyRecord(), one);
  for (const [part, tree] of Object.entries(other)) {
    const known = joined[part];
    joined[part] = known === undefined || tree === true ? tree : known === true ? true : join(known, tree);
  }
  return joined;
}

/** A chosen place below a value that has no members does not exist. */
function reaches(tree: SelectionTree | true, value: JsonValue): boolean {
  return tree === true || isContainer(value);
}

function isContainer(value: JsonValue): value is Container {
  return typeof value === 'object' && value !== null && !isRawNumber(value);
}

/** Without a prototype, so that a member named `__proto__` is a member. */
function emptyRecord<T>(): Record<string, T> {
  return Object.create(null) as Record<string, T>;
}

/** Equal values compare equal whatever their prototypes. */
function plain(value: JsonValue): unknown {
  if (!isContainer(value)) return value;
  if (Array.isArray(value)) return value.map(plain);
  const copy = emptyRecord<unknown>();
  for (const [key, item] of Object.entries(value)) copy[key] = plain(item);
  return copy;
}
