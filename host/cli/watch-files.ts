import { watch, type FSWatcher } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Clock } from '../clock.js';

const QUIET_MS = 150;

export interface FileWatch {
  /** Watches these from now on instead. */
  set(files: readonly string[]): void;
  close(): void;
}

/**
 * Calls back when any of the files changed and nothing more happened for a moment. Watches their folders, because
 * editors put a new file in the place of the old one.
 */
export function watchFiles(clock: Clock, onChange: () => void): FileWatch {
  let watchers: FSWatcher[] = [];
  let cancel: () => void = () => undefined;
  const close = (): void => {
    cancel();
    for (const watcher of watchers) watcher.close();
    watchers = [];
  };
  return {
    set(files) {
      close();
      const folders = Map.groupBy(files, dirname);
      watchers = [...folders].map(([folder, inside]) => {
        const names = new Set(inside.map((file) => basename(file)));
        const watcher = watch(folder, (_event, name) => {
          if (name !== null && !names.has(name)) return;
          cancel();
          cancel = clock.after(QUIET_MS, onChange);
        });
        // A folder that went away: nothing to watch until the next start.
        watcher.on('error', () => undefined);
        return watcher;
      });
    },
    close,
  };
}
