import type { JsonObject, JsonValue, RawNumber } from '@bulkhead/sdk';
import { isRawNumber } from './numbers.js';

/** Names and indexes from the top of a value. */
export type Path = readonly (string | number)[];

export interface Rewriter {
  /**
   * The new value of a string or a number; the same value to leave it.
   *
   * @param label name of the member that holds it, in lower case; of the list when it is an item; '' at the top
   * @param depth how many lists and objects it stands in
   */
  leaf(value: string | number | RawNumber, label: string, depth: number): JsonValue;
  /** The new name of a member. Undefined: names stay. */
  key: ((name: string, depth: number) => string) | undefined;
  /** Whether to leave what stands at this path, and everything below it, alone. Undefined: nothing is left alone. */
  skip: ((path: Path) => boolean) | undefined;
}

interface Frame {
  readonly source: JsonObject | readonly JsonValue[];
  /** Undefined for a list. */
  readonly keys: readonly string[] | undefined;
  readonly size: number;
  readonly label: string;
  next: number;
  /** Undefined until something changes: what nobody changed is handed back as it came. */
  changed: Map<string | number, Member> | undefined;
}

interface Member {
  readonly name: string;
  readonly value: JsonValue;
}

/**
 * Rewrites the leaves and names of a JSON value. Without recursion, so depth costs memory and never the stack. Parts
 * without a change are the very same objects in the result.
 */
export function rewrite(root: JsonValue, rewriter: Rewriter): JsonValue {
  const path: (string | number)[] = [];
  const stack: Frame[] = [];
  if (rewriter.skip?.(path) === true) return root;
  let result = enter(root, '', stack, rewriter);
  for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
    if (frame.next === frame.size) {
      stack.pop();
      const parent = stack.at(-1);
      const own = path.pop();
      if (frame.changed === undefined) continue;
      if (parent === undefined || own === undefined) result = rebuild(frame, frame.changed);
      else note(parent, own, parent.changed?.get(own)?.name ?? String(own), rebuild(frame, frame.changed));
      continue;
    }
    const key = frame.keys === undefined ? frame.next : (frame.keys[frame.next] ?? '');
    frame.next += 1;
    path.push(key);
    const depth = stack.length;
    if (rewriter.skip?.(path) !== true) visit(frame, key, stack, rewriter);
    // A list or an object stays on the path until its frame is done.
    if (stack.length === depth) path.pop();
  }
  return result;
}

function visit(frame: Frame, key: string | number, stack: Frame[], rewriter: Rewriter): void {
  const value = memberOf(frame.source, key);
  const name = typeof key === 'string' ? (rewriter.key?.(key, stack.length) ?? key) : String(key);
  if (typeof key === 'string' && name !== key) note(frame, key, name, value);
  const next = enter(value, typeof key === 'string' ? key.toLowerCase() : frame.label, stack, rewriter);
  if (next !== value) note(frame, key, name, next);
}

/** Pushes a list or an object to be visited; hands back the new value of anything else. */
function enter(value: JsonValue, label: string, stack: Frame[], rewriter: Rewriter): JsonValue {
  if (typeof value === 'string' || typeof value === 'number' || isRawNumber(value)) {
    return rewriter.leaf(value, label, stack.length);
  }
  if (typeof value !== 'object' || value === null) return value;
  const keys = isList(value) ? undefined : Object.keys(value);
  const size = isList(value) ? value.length : (keys?.length ?? 0);
  stack.push({ source: value, keys, size, label, next: 0, changed: undefined });
  return value;
}

function note(frame: Frame, key: string | number, name: string, value: JsonValue): void {
  frame.changed ??= new Map();
  frame.changed.set(key, { name, value });
}

/** The frame's value with its changes, in the order it had. Names that became one are told apart by a number. */
function rebuild(frame: Frame, changed: ReadonlyMap<string | number, Member>): JsonValue {
  const { source, keys } = frame;
  const valueAt = (key: string | number): JsonValue => {
    const member = changed.get(key);
    return member === undefined ? memberOf(source, key) : member.value;
  };
  if (keys === undefined) return Array.from({ length: frame.size }, (_, index) => valueAt(index));
  const unique = uniqueNames();
  // fromEntries defines members, so one named __proto__ stays a member.
  return Object.fromEntries(keys.map((key) => [unique(changed.get(key)?.name ?? key), valueAt(key)]));
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function memberOf(source: JsonObject | readonly JsonValue[], key: string | number): JsonValue {
  if (isList(source)) return source[Number(key)] ?? null;
  return source[key] ?? null;
}

function uniqueNames(): (name: string) => string {
  const taken = new Set<string>();
  const counts = new Map<string, number>();
  return (name) => {
    let free = name;
    let count = counts.get(name) ?? 1;
    while (taken.has(free)) free = `${name} ${(count += 1)}`;
    counts.set(name, count);
    taken.add(free);
    return free;
  };
}
