import { randomInt } from 'node:crypto';
import { lstat, readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { openDirectory } from './anchored.js';
import type { UidClaims } from './uid-claims.js';
import { processesOf, usersWithProcesses } from './user-processes.js';

export interface UidRange {
  readonly first: number;
  readonly count: number;
}

/** "nobody", and what 16 bits say for "no user". */
const NEVER = [65_534, 65_535];

/**
 * The user of a data directory. The directory's owner is the record, which only root can change; it is kept as long as it
 * is in the range, no other directory's and no stranger's. Else one is drawn among those that are nobody's. Not by turns:
 * hosts in several containers of one machine should rarely draw the same. It is claimed; the caller releases it.
 *
 * To be called one at a time: what was drawn is only taken once it is on the directory.
 *
 * @throws BulkheadError LIMIT_EXCEEDED when there is none left
 */
export async function chooseUid(dataDir: string, range: UidRange, claims: UidClaims): Promise<number> {
  const others = await ownersBeside(dataDir);
  const own = await recordedUid(dataDir, range);
  if (own !== undefined && !others.has(own) && (await isFree(own, claims))) return own;
  const taken = new Set([...others, ...NEVER, ...(await knownUsers()), ...(await usersWithProcesses())]);
  const start = randomInt(range.count);
  for (let step = 0; step < range.count; step += 1) {
    const uid = range.first + ((start + step) % range.count);
    if (taken.has(uid) || !(await claims.take(uid))) continue;
    await record(dataDir, uid);
    return uid;
  }
  throw new BulkheadError(
    ErrorCode.LIMIT_EXCEEDED,
    `each of the ${range.count} users from ${range.first} on belongs to an entry or to somebody else, so ` +
      `'${basename(dataDir)}' gets none; raise host.plugin_uids.count, or remove the directories of entries that are gone from ${dirname(dataDir)}`,
    { field: 'host.plugin_uids', details: { first: range.first, count: range.count } },
  );
}

async function isFree(uid: number, claims: UidClaims): Promise<boolean> {
  if (!(await claims.take(uid))) return false;
  if ((await processesOf(uid)).length === 0) return true;
  await claims.release(uid);
  return false;
}

/** The user that the data directory belongs to, when that is a plugin's. */
export async function recordedUid(dataDir: string, range: UidRange): Promise<number | undefined> {
  const { uid } = await lstat(dataDir);
  return isIn(range, uid) ? uid : undefined;
}

/** The owner, with the host's own group: what is inside is still to be handed over. */
async function record(dataDir: string, uid: number): Promise<void> {
  const directory = await openDirectory(dataDir);
  try {
    await directory.chown(uid, process.getegid?.() ?? 0);
  } finally {
    await directory.close();
  }
}

function isIn({ first, count }: UidRange, uid: number): boolean {
  return uid >= first && uid < first + count && !NEVER.includes(uid);
}

async function ownersBeside(dataDir: string): Promise<ReadonlySet<number>> {
  const parent = dirname(dataDir);
  const owners = new Set<number>();
  for (const name of await readdir(parent)) {
    const path = join(parent, name);
    if (path === dataDir) continue;
    const stats = await lstat(path).catch(() => undefined);
    if (stats !== undefined) owners.add(stats.uid);
  }
  return owners;
}

/** Users and groups that the machine has names for. */
async function knownUsers(): Promise<readonly number[]> {
  const texts = await Promise.all(
    ['/etc/passwd', '/etc/group'].map((file) => readFile(file, 'latin1').catch(() => '')),
  );
  return texts.flatMap((text) => text.split('\n').map((line) => Number(line.split(':')[2])));
}
