const KEPT_LINES_PER_PLUGIN = 1_000;
const MAX_PLUGINS = 256;
const MAX_FOLLOWERS = 32;
const PLUGIN_OF_LINE = /"plugin":"((?:[^"\\]|\\.)*)"/;

/** The last log lines of each plugin, and whoever watches them. */
export interface LogTail {
  /** Takes one JSON line as the log writes it, with its newline. */
  write(line: string): void;
  /** The last `count` lines, oldest first, without their newlines. */
  last(plugin: string, count: number): readonly string[];
  /** Calls back for each later line; returns the function that ends it, or undefined when too many follow already. */
  follow(plugin: string, listener: (line: string) => void): (() => void) | undefined;
}

export function createLogTail(): LogTail {
  const kept = new Map<string, Ring>();
  const followers = new Set<{ readonly plugin: string; readonly listener: (line: string) => void }>();
  return {
    write(line) {
      const plugin = PLUGIN_OF_LINE.exec(line)?.[1];
      if (plugin === undefined) return;
      let ring = kept.get(plugin);
      if (ring === undefined) {
        if (kept.size >= MAX_PLUGINS) return;
        ring = new Ring(KEPT_LINES_PER_PLUGIN);
        kept.set(plugin, ring);
      }
      const text = line.endsWith('\n') ? line.slice(0, -1) : line;
      ring.push(text);
      for (const follower of followers) if (follower.plugin === plugin) follower.listener(text);
    },
    last: (plugin, count) => kept.get(plugin)?.last(count) ?? [],
    follow(plugin, listener) {
      if (followers.size >= MAX_FOLLOWERS) return undefined;
      const follower = { plugin, listener };
      followers.add(follower);
      return () => {
        followers.delete(follower);
      };
    },
  };
}

/** The newest lines of a log that never ends; adding one costs nothing that grows. */
class Ring {
  readonly #lines: string[] = [];
  readonly #capacity: number;
  #next = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  push(line: string): void {
    this.#lines[this.#next] = line;
    this.#next = (this.#next + 1) % this.#capacity;
  }

  last(count: number): readonly string[] {
    const inOrder = [...this.#lines.slice(this.#next), ...this.#lines.slice(0, this.#next)];
    return count <= 0 ? [] : inOrder.slice(-count);
  }
}
