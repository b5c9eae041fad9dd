import type { Problem } from '@bulkhead/proto';
import { tellDiskFull } from './disk-full.js';
import { currentOf, isThere } from './find-environment.js';
import { createContext, type InstallerOptions } from './install-context.js';
import { installFrom, type InstallWish } from './install-from.js';
import { withInstallLock } from './install-lock.js';
import { installPinned } from './install-pinned.js';
import type { InstallResult } from './install-result.js';
import { finishChange } from './journal.js';
import { EMPTY_LOCK, readLock, type PluginsLock } from './lock-file.js';
import { commit, entryOf } from './locked-entries.js';
import { makeBundle } from './make-bundle.js';
import { refused } from './plugin-package.js';
import { removeUnlocked } from './prune.js';
import { pruneAll, type PruneReport } from './prune-all.js';
import { rollback } from './rollback.js';
import type { PluginSource } from './source.js';
import { clearStaging } from './staging.js';

/** Installs, pins, repairs and removes plugins in one plugins directory. */
export interface Installer {
  /** From a source. @throws one of the codes of installing; the state is as before then */
  install(source: PluginSource, wish: InstallWish): Promise<InstallResult>;
  /** What the lock pins, exactly; repairs what does not verify. @throws NOT_LOCKED, LOCK_INVALID … */
  installLocked(id: string, wish: { readonly frozen: boolean }): Promise<InstallResult>;
  /** Makes the environments that the lock pins and that are not there. What is there is left as it is. */
  ensure(ids: readonly string[]): Promise<readonly InstallResult[]>;
  /** Back to the environment before. @throws NOT_LOCKED, NO_EARLIER_VERSION */
  rollback(id: string): Promise<InstallResult>;
  /** @throws NOT_LOCKED */
  remove(id: string): Promise<void>;
  /** Removes whatever no locked plugin uses. */
  prune(): Promise<PruneReport>;
  /** Writes one file that installs without a network. @throws NOT_LOCKED, FETCH_FAILED, and what verifying finds */
  bundle(id: string, file: string): Promise<void>;
  /** What is wrong with a plugin's current environment; empty when nothing is. @throws NOT_LOCKED */
  verify(id: string): Promise<readonly Problem[]>;
  lock(): Promise<PluginsLock>;
}

export function createInstaller(options: InstallerOptions): Installer {
  const context = createContext(options);
  const { pluginsDir } = options;
  const alone = <T>(work: () => Promise<T>): Promise<T> =>
    withInstallLock(pluginsDir, async () => {
      await clearStaging(pluginsDir);
      await finishChange(pluginsDir);
      return work();
    }).catch((error: unknown) => {
      throw tellDiskFull(error);
    });
  const lock = async (): Promise<PluginsLock> => (await readLock(options.lockFile)) ?? EMPTY_LOCK;
  return {
    lock,
    install: (source, wish) => alone(async () => installFrom(context, await lock(), source, wish)),
    installLocked: (id, { frozen }) => alone(async () => installPinned(context, await lock(), id, frozen)),
    ensure: (ids) =>
      alone(async () => {
        const results: InstallResult[] = [];
        for (const id of ids) {
          const now = await lock();
          const entry = now.plugins[id];
          if (entry === undefined || (await isThere(context, now, id, entry))) continue;
          context.progress(`${id} is locked and not installed: making its environment`);
          results.push(await installPinned(context, now, id, true));
        }
        return results;
      }),
    prune: () => alone(async () => pruneAll(context, await lock())),
    bundle: (id, file) =>
      alone(async () => {
        const { record, faults } = await currentOf(context, await lock(), id);
        if (record === undefined || faults.length > 0) throw refused(id, faults);
        await makeBundle(context, record, file);
      }),
    verify: async (id) => (await currentOf(context, await lock(), id)).faults,
    rollback: (id) => alone(async () => rollback(context, await lock(), id)),
    remove: (id) =>
      alone(async () => {
        const now = await lock();
        entryOf(now, id);
        const { [id]: _gone, ...plugins } = now.plugins;
        await commit(context, { ...now, plugins }, [{ id, folder: null, lockfile: null }]);
        await removeUnlocked(pluginsDir, { ...now, plugins }, [id]);
      }),
  };
}
