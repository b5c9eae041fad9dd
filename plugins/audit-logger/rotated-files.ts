import { access, readdir, rm } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';

/**
 * A free name for a file that is set aside: `audit.jsonl` becomes `audit.20261121T093034123Z.jsonl`. Names sort by time.
 */
export async function rotatedPath(path: string, nowMs: number): Promise<string> {
  const stamp = new Date(nowMs).toISOString().replace(/[-:.]/g, '');
  for (let count = 0; ; count += 1) {
    const suffix = count === 0 ? '' : `-${String(count).padStart(4, '0')}`;
    const candidate = join(dirname(path), `${stem(path)}.${stamp}${suffix}${extname(path)}`);
    const taken = await access(candidate).then(
      () => true,
      () => false,
    );
    if (!taken) return candidate;
  }
}

/** Removes the oldest files that were set aside, so that `keep` are left. */
export async function pruneRotated(path: string, keep: number): Promise<void> {
  const names = (await readdir(dirname(path))).filter((name) => isRotated(path, name)).toSorted();
  for (const name of names.slice(0, Math.max(0, names.length - keep))) {
    await rm(join(dirname(path), name), { force: true });
  }
}

function isRotated(path: string, name: string): boolean {
  const start = `${stem(path)}.`;
  const end = extname(path);
  if (!name.startsWith(start) || !name.endsWith(end)) return false;
  return /^\d{8}T\d{9}Z(?:-\d{4,})?$/.test(name.slice(start.length, name.length - end.length));
}

function stem(path: string): string {
  return basename(path, extname(path));
}
