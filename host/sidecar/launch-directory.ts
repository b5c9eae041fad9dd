import { randomBytes } from 'node:crypto';
import { mkdir, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { identifyProcess, type ProcessIdentity } from './process-identity.js';
import { removeTree } from './remove-tree.js';

/** Bytes of a Unix socket's path that every system takes, without the closing zero. */
export const MAX_SOCKET_PATH_BYTES = 107;
/** Room for a socket's name below the launch directory; go-plugin's are 16 bytes. */
const MAX_SOCKET_NAME_BYTES = 30;
/** Where the directory goes when the run directory's path is too long for a socket. */
const SHORT_PARENT = '/tmp';

/** What stands beside a launch directory, out of the plugin's reach, for the next start's sweep. */
export interface LaunchRecord {
  readonly name: string;
  readonly directory: string;
  readonly host: ProcessIdentity;
  /** Leader of the plugin's process group; absent when the host died before it knew. */
  readonly plugin?: ProcessIdentity;
}

/** A plugin process's private directory, mode 0700: its HOME, its TMPDIR, and both sockets. */
export interface LaunchDirectory {
  /** Without symbolic links. */
  readonly path: string;
  readonly hostSocket: string;
  /** Notes which process lives here. */
  recordPlugin(pid: number): Promise<void>;
  /** Removes the directory with all in it, then the record. A second call changes nothing. */
  remove(): Promise<void>;
}

/** Names of records: the host's process number and a random part, so that a torn one can be judged too. */
export const RECORD_NAME = /^([0-9]+)-[0-9a-f]{8}\.json(\.tmp)?$/;

/** Failures that say something of the machine's moment. */
const PASSING: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'ENOSPC', 'EDQUOT']);

/**
 * Makes a fresh launch directory; `runDir` is made too when it is missing.
 *
 * @throws BulkheadError SPAWN_FAILED
 */
export async function createLaunchDirectory(runDir: string, name: string): Promise<LaunchDirectory> {
  try {
    return await makeLaunchDirectory(runDir, name);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new BulkheadError(
      ErrorCode.SPAWN_FAILED,
      `expected to make a private launch directory in ${runDir}, got ${code}; the host needs a run directory that it may write to`,
      { cause: error, retryable: PASSING.has(code), details: { code } },
    );
  }
}

async function makeLaunchDirectory(runDir: string, name: string): Promise<LaunchDirectory> {
  await mkdir(runDir, { recursive: true, mode: 0o700 });
  const id = `${process.pid}-${randomBytes(4).toString('hex')}`;
  const parent = await realpath(runDir);
  const wanted = join(parent, id);
  const fits = Buffer.byteLength(wanted) + 1 + MAX_SOCKET_NAME_BYTES <= MAX_SOCKET_PATH_BYTES;
  const path = fits ? wanted : join(await realpath(SHORT_PARENT), `bulkhead-${id}`);
  const recordFile = join(parent, `${id}.json`);
  const record: LaunchRecord = { name, directory: path, host: identifyProcess(process.pid) };
  // The record first: a directory without one would be nobody's.
  await writeRecord(recordFile, record);
  try {
    // Not recursive: a directory that somebody else made in a shared parent is an error, never taken over.
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    await rm(recordFile, { force: true });
    throw error;
  }
  return {
    path,
    hostSocket: join(path, 'host.sock'),
    recordPlugin: (pid) => writeRecord(recordFile, { ...record, plugin: identifyProcess(pid) }),
    async remove() {
      await removeTree(path);
      await rm(recordFile, { force: true });
    },
  };
}

async function writeRecord(file: string, record: LaunchRecord): Promise<void> {
  // Whole or not at all, whenever the host is killed.
  await writeFile(`${file}.tmp`, JSON.stringify(record), { mode: 0o600 });
  await rename(`${file}.tmp`, file);
}
