import type { Keys } from '@bulkhead/proto/rules/schema';
import type { Origin, SourceTree } from '../manifest/source-tree.js';

type Problem = (keys: Keys, message: string, origin: Origin) => void;

// Which lists may stand for a map, and under which member an item carries its name.
const NAMED: Readonly<Record<string, readonly string[]>> = {
  // `slug` is the name where both are given: then `name` is for people.
  plugins: ['slug', 'name'],
  apps: ['id'],
  custom_hooks: ['name'],
};

/**
 * The list forms of `plugins`, `apps` and `custom_hooks` as maps by name, so that layers in different forms merge by
 * entry. An item without a name is left for the schema to tell.
 */
export function namedListsAsMaps(tree: SourceTree, problem: Problem): SourceTree {
  if (tree.kind !== 'map') return tree;
  const entries = new Map(tree.entries);
  for (const [section, members] of Object.entries(NAMED)) {
    const list = entries.get(section);
    if (list?.kind === 'list') entries.set(section, asMap(list, section, members, problem));
  }
  return { ...tree, entries };
}

function asMap(
  list: SourceTree & { kind: 'list' },
  section: string,
  members: readonly string[],
  problem: Problem,
): SourceTree {
  const entries = new Map<string, SourceTree>();
  for (const [index, item] of list.items.entries()) {
    const keys = [section, index];
    if (item.kind !== 'map') {
      problem(keys, `expected a map with ${members.at(-1) ?? 'name'}.`, item.origin);
      continue;
    }
    const member = members.find((name) => item.entries.has(name));
    const named = member === undefined ? undefined : item.entries.get(member);
    if (named?.kind !== 'value' || typeof named.value !== 'string' || named.value === '') {
      problem(
        keys,
        `expected the key '${members.at(-1) ?? 'name'}' with the item's name, and it is missing.`,
        item.origin,
      );
      continue;
    }
    if (entries.has(named.value)) {
      problem(
        [...keys, member ?? 'name'],
        `'${named.value}' is listed twice; each item needs a name of its own.`,
        named.origin,
      );
      continue;
    }
    const rest = new Map([...item.entries].filter(([key]) => !members.includes(key)));
    entries.set(named.value, { ...item, entries: rest });
  }
  return { kind: 'map', entries, origin: list.origin };
}
