import { stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Finding } from './finding.js';

const GIB = 1024 ** 3;
const COMFORTABLE_BYTES = GIB;
const LEAST_BYTES = 100 * 1024 ** 2;
const OTHERS_MAY_WRITE = 0o022;

/** The data directory: room, and whom it belongs to. */
export async function checkDisk(dataDir: string, uid: number | undefined): Promise<readonly Finding[]> {
  return [await checkRoom(dataDir), await checkOwner(dataDir, uid)];
}

async function checkRoom(dataDir: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(await nearest(dataDir));
  const free = bavail * bsize;
  const found = `${(free / GIB).toFixed(1)} GiB free for ${dataDir}`;
  if (free >= COMFORTABLE_BYTES) return { check: 'disk', level: 'ok', found };
  return {
    check: 'disk',
    level: free < LEAST_BYTES ? 'error' : 'warning',
    found,
    why: 'Logs, state and plugin environments live there; a full disk drops audit records.',
    fix: 'Free some space, or name another place with host.data_dir.',
  };
}

async function checkOwner(dataDir: string, uid: number | undefined): Promise<Finding> {
  const info = await stat(dataDir).catch(() => undefined);
  if (info === undefined) return { check: 'data directory', level: 'ok', found: 'made at the first start' };
  const why = 'Whoever can write there can steer the daemon.';
  if (uid !== undefined && info.uid !== uid) {
    const found = `${dataDir} belongs to uid ${info.uid}, this is uid ${uid}`;
    return { check: 'data directory', level: 'error', found, why, fix: `chown -R ${uid} ${dataDir}` };
  }
  if ((info.mode & OTHERS_MAY_WRITE) === 0) return { check: 'data directory', level: 'ok', found: dataDir };
  const found = `${dataDir} is writable for others`;
  return { check: 'data directory', level: 'error', found, why, fix: `chmod go-w ${dataDir}` };
}

/** The path, or the nearest folder above it that exists. */
async function nearest(path: string): Promise<string> {
  const exists = await stat(path).then(
    () => true,
    () => false,
  );
  return exists || dirname(path) === path ? path : nearest(dirname(path));
}
