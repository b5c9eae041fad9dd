import { randomBytes } from 'node:crypto';
import {
  chmod,
  chown,
  mkdir,
  realpath,
  rename,
  rm,
  rmdir,
  writeFile,
  type FileHandle,
} from 'node:fs/promises';
import { join } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { emptyDirectory, openDirectory } from './own-user/anchored.js';
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
  /** The user that it runs as, when that is its own. */
  readonly uid?: number;
}

/** Name of the private directory of a plugin with a user of its own, inside that of its launch. */
export const OWN_FOLDER = 'own';

/**
 * A plugin process's private directory, mode 0700: its HOME, its TMPDIR, and both sockets. Where the plugin has a user of
 * its own, the host's sockets are in a directory around it, which is the host's: no other user passes it, and the plugin
 * cannot put anything in the place of what the host makes there.
 */
export interface LaunchDirectory {
  /** Without symbolic links. */
  readonly path: string;
  /** Where the host makes its sockets. */
  readonly socketsDir: string;
  readonly hostSocket: string;
  /** Lets the plugin connect to a socket that the host made. */
  admit(socketPath: string): Promise<void>;
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
 * @param uid the plugin's own user and group; undefined: the host's
 * @throws BulkheadError SPAWN_FAILED
 */
export async function createLaunchDirectory(
  runDir: string,
  name: string,
  uid?: number,
): Promise<LaunchDirectory> {
  try {
    return await makeLaunchDirectory(runDir, name, uid);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new BulkheadError(
      ErrorCode.SPAWN_FAILED,
      `expected to make a private launch directory in ${runDir}, got ${code}; the host needs a run directory that it may write to`,
      { cause: error, retryable: PASSING.has(code), details: { code } },
    );
  }
}

async function makeLaunchDirectory(runDir: string, name: string, uid?: number): Promise<LaunchDirectory> {
  await mkdir(runDir, { recursive: true, mode: 0o700 });
  const id = `${process.pid}-${randomBytes(4).toString('hex')}`;
  const parent = await realpath(runDir);
  const wanted = join(parent, id);
  const inner = uid === undefined ? '' : `/${OWN_FOLDER}`;
  const fits = Buffer.byteLength(wanted + inner) + 1 + MAX_SOCKET_NAME_BYTES <= MAX_SOCKET_PATH_BYTES;
  const path = fits ? wanted : join(await realpath(SHORT_PARENT), `bulkhead-${id}`);
  const recordFile = join(parent, `${id}.json`);
  const record: LaunchRecord = {
    name,
    directory: path,
    host: identifyProcess(process.pid),
    ...(uid === undefined ? {} : { uid }),
  };
  // The record first: a directory without one would be nobody's.
  await writeRecord(recordFile, record);
  try {
    // Not recursive: a directory that somebody else made in a shared parent is an error, never taken over.
    await mkdir(path, { mode: 0o700 });
    if (uid !== undefined) await divide(path, uid);
  } catch (error) {
    await rm(recordFile, { force: true });
    throw error;
  }
  return {
    path: `${path}${inner}`,
    socketsDir: path,
    hostSocket: join(path, 'host.sock'),
    async admit(socketPath) {
      // Who may connect is decided by the directory.
      if (uid !== undefined) await chmod(socketPath, 0o666);
    },
    recordPlugin: (pid) => writeRecord(recordFile, { ...record, plugin: identifyProcess(pid) }),
    async remove() {
      await (uid === undefined ? removeTree(path) : removeDivided(path));
      await rm(recordFile, { force: true });
    },
  };
}

/** The launch directory for its user to pass through, and a private one in it. */
async function divide(path: string, uid: number): Promise<void> {
  const own = join(path, OWN_FOLDER);
  await mkdir(own, { mode: 0o700 });
  await chown(own, uid, uid);
  await chown(path, process.geteuid?.() ?? 0, uid);
  await chmod(path, 0o710);
}

/** Removes a launch directory of which a part may be another user's, who may still be at work in there. */
export async function removeDivided(path: string): Promise<void> {
  let directory: FileHandle;
  try {
    directory = await openDirectory(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return;
    throw error;
  }
  try {
    await emptyDirectory(directory);
  } finally {
    await directory.close();
  }
  await rmdir(path);
}

async function writeRecord(file: string, record: LaunchRecord): Promise<void> {
  // Whole or not at all, whenever the host is killed.
  await writeFile(`${file}.tmp`, JSON.stringify(record), { mode: 0o600 });
  await rename(`${file}.tmp`, file);
}
