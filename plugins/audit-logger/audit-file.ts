import { constants } from 'node:fs';
import { mkdir, open, rename, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { firstEntryTime, repairTornTail } from './torn-tail.js';
import { pruneRotated, rotatedPath } from './rotated-files.js';

export interface AuditFileOptions {
  /** Absolute. */
  readonly path: string;
  readonly maxBytes: number;
  readonly maxAgeMs: number;
  /** Files set aside that are kept. */
  readonly keep: number;
  /** Force each batch to the disk. */
  readonly sync: boolean;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
}

interface OpenFile {
  readonly handle: FileHandle;
  readonly inode: bigint;
  /** Length before the batch that is being written. */
  size: number;
  /** Time of the first line, in milliseconds since the epoch. */
  readonly since: number;
  /** A batch was cut short, and the piece could not be taken away yet. */
  torn: boolean;
}

// No O_TRUNC, and no following of a link that somebody put there.
const FLAGS = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
const PRIVATE_FILE = 0o600;
const PRIVATE_DIRECTORY = 0o700;

/**
 * A file of whole lines. A batch is one write; what is cut short, by a full disk or a kill, is taken away again, at the
 * latest at the next start.
 */
export class AuditFile {
  readonly #options: AuditFileOptions;
  #open: OpenFile | undefined;

  constructor(options: AuditFileOptions) {
    this.#options = options;
  }

  /**
   * Opens the file and mends it, so that a path that cannot work is known at once.
   *
   * @throws the file system's error, except that of a full disk: there may be room later
   */
  async prepare(): Promise<void> {
    try {
      await this.#current();
    } catch (error) {
      if (!isNoSpace(error)) throw error;
    }
  }

  /**
   * Appends whole lines, after rotation where it is due. Not to be called again before it has settled.
   *
   * @throws the file system's error; the file then holds nothing of the batch, or will not after the next call
   */
  async append(batch: Buffer): Promise<void> {
    let file = await this.#current();
    if (this.#isDue(file, batch.length)) {
      await this.#rotate(file);
      file = await this.#current();
    }
    try {
      await writeWhole(file.handle, batch);
    } catch (error) {
      file.torn = true;
      await this.#takeAwayTorn(file).catch(() => undefined);
      throw error;
    }
    if (this.#options.sync) await file.handle.datasync();
  }

  async close(): Promise<void> {
    const file = this.#open;
    this.#open = undefined;
    await file?.handle.close();
  }

  /** The open file; opened anew when somebody moved or removed it. */
  async #current(): Promise<OpenFile> {
    const known = this.#open;
    if (known !== undefined) {
      if (known.torn) await this.#takeAwayTorn(known);
      const there = await stat(this.#options.path, { bigint: true }).catch(() => undefined);
      if (there?.ino === known.inode) {
        // A process that hands over to this one may have written too.
        known.size = Number(there.size);
        return known;
      }
      await this.close();
    }
    this.#open = await this.#openFile();
    return this.#open;
  }

  async #openFile(): Promise<OpenFile> {
    const { path, now } = this.#options;
    await mkdir(dirname(path), { recursive: true, mode: PRIVATE_DIRECTORY });
    const handle = await open(path, FLAGS, PRIVATE_FILE);
    try {
      const found = await handle.stat({ bigint: true });
      if (!found.isFile())
        throw new Error(`${path}: expected a regular file, found something else; choose another path`);
      // An older file of looser mode holds what this one will.
      if ((found.mode & 0o077n) !== 0n) await handle.chmod(PRIVATE_FILE);
      const size = await repairTornTail(handle);
      return { handle, inode: found.ino, size, since: (await firstEntryTime(handle)) ?? now(), torn: false };
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  #isDue(file: OpenFile, more: number): boolean {
    if (file.size === 0) return false;
    return (
      file.size + more > this.#options.maxBytes || this.#options.now() - file.since >= this.#options.maxAgeMs
    );
  }

  async #rotate(file: OpenFile): Promise<void> {
    const { path, keep, now } = this.#options;
    await rename(path, await rotatedPath(path, now()));
    this.#open = undefined;
    await file.handle.close();
    await pruneRotated(path, keep);
  }

  async #takeAwayTorn(file: OpenFile): Promise<void> {
    await file.handle.truncate(file.size);
    file.torn = false;
  }
}

/** One write where the system takes it whole, as it does for a file with room. */
async function writeWhole(handle: FileHandle, batch: Buffer): Promise<void> {
  for (let written = 0; written < batch.length;) {
    const { bytesWritten } = await handle.write(batch, written);
    if (bytesWritten === 0) throw new Error('the system wrote nothing');
    written += bytesWritten;
  }
}

function isNoSpace(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
}
