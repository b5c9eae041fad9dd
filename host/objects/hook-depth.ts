import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Actor } from '../telemetry/audit.js';

/** Object hooks that change objects, whose hooks change objects … */
export const MAX_HOOK_DEPTH = 4;

/** How deep in object hooks each plugin is now. A write of a plugin counts as made by the deepest hook that it runs. */
export class HookDepths {
  readonly #running = new Map<string, number[]>();

  /** To be called before a plugin runs an object hook at that depth. Returns what to call when it has answered. */
  enter(plugin: string, depth: number): () => void {
    const depths = this.#running.get(plugin) ?? [];
    this.#running.set(plugin, depths);
    depths.push(depth);
    return () => {
      depths.splice(depths.indexOf(depth), 1);
      if (depths.length === 0) this.#running.delete(plugin);
    };
  }

  /** The depth of the hooks that a change by this actor runs: 1 unless it is made in an object hook. @throws BulkheadError QUOTA_EXCEEDED */
  of({ kind, id }: Actor): number {
    const running = kind === 'plugin' ? this.#running.get(id) : undefined;
    const depth = 1 + Math.max(0, ...(running ?? []));
    if (depth <= MAX_HOOK_DEPTH) return depth;
    throw new BulkheadError(
      ErrorCode.QUOTA_EXCEEDED,
      `plugin '${id}' changes an object in an object hook that is ${String(MAX_HOOK_DEPTH)} changes deep already`,
    );
  }
}
