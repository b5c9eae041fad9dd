/** What waits, by whose it is: owners take turns, and each one's own goes in order. */
export interface Turns<T> {
  readonly size: number;
  sizeOf(owner: string | undefined): number;
  add(owner: string | undefined, item: T): void;
  /** The next one of the owner whose turn it is. */
  take(): T | undefined;
  /** Everything, in no particular order of owners. */
  drain(): readonly T[];
}

export function createTurns<T>(): Turns<T> {
  // The owner that was served longest ago is first.
  const queues = new Map<string | undefined, T[]>();
  let size = 0;
  return {
    get size() {
      return size;
    },
    sizeOf: (owner) => queues.get(owner)?.length ?? 0,
    add(owner, item) {
      const queue = queues.get(owner);
      if (queue === undefined) queues.set(owner, [item]);
      else queue.push(item);
      size += 1;
    },
    take() {
      for (const [owner, queue] of queues) {
        queues.delete(owner);
        const item = queue.shift();
        if (item === undefined) continue;
        size -= 1;
        if (queue.length > 0) queues.set(owner, queue);
        return item;
      }
      return undefined;
    },
    drain() {
      const all = [...queues.values()].flat();
      queues.clear();
      size = 0;
      return all;
    },
  };
}
