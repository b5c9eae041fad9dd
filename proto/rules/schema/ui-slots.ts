import { isSchema } from './closed-schema.js';
import type { Keys } from './problem.js';

/** Every slot or page of one plugin whose place in the UI another one claimed before, with a message. */
export function duplicateSlots(slots: readonly unknown[]): readonly (readonly [Keys, string])[] {
  const found: (readonly [Keys, string])[] = [];
  const labels = new Set<string>();
  const paths = new Set<string>();
  const claim = (keys: Keys, path: unknown): void => {
    if (typeof path !== 'string') return;
    if (paths.has(path))
      found.push([[...keys, 'path'], `the path '${path}' is claimed twice; give one of them another.`]);
    paths.add(path);
  };
  for (const [index, slot] of slots.entries()) {
    if (!isSchema(slot)) continue;
    const keys: Keys = ['ui', 'slots', index];
    const place = `${String(slot['slot'])} '${String(slot['label'])}'`;
    if (labels.has(place)) found.push([keys, `the slot ${place} is registered twice; remove one of them.`]);
    labels.add(place);
    claim(keys, slot['path']);
    const items: unknown = slot['items'];
    if (!Array.isArray(items)) continue;
    for (const [item, page] of items.entries())
      if (isSchema(page)) claim([...keys, 'items', item], page['path']);
  }
  return found;
}
