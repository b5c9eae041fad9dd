import { watch, type FSWatcher } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../clock.js';

/** Saves that come together are one change. */
const QUIET_MS = 80;
/** Folders of a package that are watched; a package has few of its own. */
const MAX_FOLDERS = 1_000;
/** Made from the sources, or not the author's. */
const IGNORED_FOLDERS: ReadonlySet<string> = new Set(['node_modules', 'dist', 'coverage']);
const IGNORED_FILES = /^(?:\..*|.*~|.*\.sw.|plugin\.gen\.d\.ts|.*\.tsbuildinfo|.*\.tgz)$/;

export interface TreeWatch {
  close(): void;
}

/** Calls back after changes in a package's sources; folders that come later are watched too. */
export async function watchTree(root: string, clock: Clock, onChange: () => void): Promise<TreeWatch> {
  const watchers = new Map<string, FSWatcher>();
  let cancel = (): void => {};
  let closed = false;

  const changed = (): void => {
    cancel();
    cancel = clock.after(QUIET_MS, () => {
      void look(root).then(() => {
        if (!closed) onChange();
      });
    });
  };
  const look = async (folder: string): Promise<void> => {
    if (closed) return;
    if (!watchers.has(folder) && watchers.size < MAX_FOLDERS) {
      const watcher = watch(folder, (_event, name) => {
        if (name === null || !(IGNORED_FILES.test(name) || IGNORED_FOLDERS.has(name))) changed();
      });
      const forget = (): void => {
        watcher.close();
        watchers.delete(folder);
      };
      // A folder that went away.
      watcher.on('error', forget);
      watchers.set(folder, watcher);
    }
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => {
      watchers.get(folder)?.close();
      watchers.delete(folder);
      return [];
    });
    for (const entry of entries) {
      if (!entry.isDirectory() || IGNORED_FOLDERS.has(entry.name) || entry.name.startsWith('.')) continue;
      await look(join(folder, entry.name));
    }
  };
  await look(root);
  return {
    close() {
      closed = true;
      cancel();
      for (const watcher of watchers.values()) watcher.close();
      watchers.clear();
    },
  };
}
