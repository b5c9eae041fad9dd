import { copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { BUNDLE_ABOUT, BUNDLE_FORMAT, BUNDLE_LOCKFILE, BUNDLE_PACKAGE, BUNDLE_PACKAGES } from './bundle.js';
import { parseDependencyLockfile } from './dependency-lockfile.js';
import { environmentPath, type EnvironmentRecord } from './environment.js';
import { fetchTarball } from './fetch-package.js';
import type { InstallContext } from './install-context.js';
import { sha512OfFile } from './integrity.js';
import { stagingPath } from './staging.js';
import { walkTree } from './tree.js';

/**
 * Writes one file with a plugin and its whole graph, which installs without a network.
 *
 * @param record an environment that verifies
 * @throws FETCH_FAILED when a tarball of a dependency is not kept and cannot be had
 */
export async function makeBundle(
  context: InstallContext,
  record: EnvironmentRecord,
  file: string,
): Promise<void> {
  const { pluginsDir, cache } = context;
  const folder = await stagingPath(pluginsDir);
  const { create } = await import('tar');
  await mkdir(join(folder, BUNDLE_PACKAGES), { recursive: true, mode: 0o755 });
  try {
    const kept = record.entry.source.kind === 'folder' ? undefined : await cache.find(record.entry.integrity);
    if (kept !== undefined) await copyFile(kept, join(folder, BUNDLE_PACKAGE));
    else
      await packOwnFiles(
        environmentPath(pluginsDir, record.id, record.folder),
        join(folder, BUNDLE_PACKAGE),
        create,
      );
    const integrity = await sha512OfFile(join(folder, BUNDLE_PACKAGE));
    const { name, version } = record.entry;
    await writeFile(
      join(folder, BUNDLE_ABOUT),
      `${JSON.stringify({ format: BUNDLE_FORMAT, id: record.id, name, version, integrity }, null, 2)}\n`,
    );
    if (record.lockfile !== undefined) {
      await writeFile(join(folder, BUNDLE_LOCKFILE), record.lockfile);
      for (const pinned of parseDependencyLockfile(record.lockfile, record.id).packages) {
        context.progress(`adding ${pinned.name}@${pinned.version}`);
        const tarball = await fetchTarball(pinned, context.npm, cache, await stagingPath(pluginsDir));
        await copyFile(tarball, join(folder, BUNDLE_PACKAGES, basename(tarball)));
      }
    }
    const near = join(dirname(file), `.${basename(file)}.${process.pid}`);
    await create({ file: near, cwd: folder, gzip: true, portable: true, noMtime: true }, ['.']);
    await rename(near, file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The package as `npm pack` lays it out. */
async function packOwnFiles(
  environment: string,
  file: string,
  create: typeof import('tar').create,
): Promise<void> {
  const files: string[] = [];
  for (const { kind, path } of walkTree(environment)) {
    if (kind === 'file' && !path.startsWith('node_modules/')) files.push(path);
  }
  await create(
    { file, cwd: environment, gzip: true, portable: true, noMtime: true, prefix: 'package' },
    files.sort(),
  );
}
