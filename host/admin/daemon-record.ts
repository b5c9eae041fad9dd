import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** What a daemon leaves in its data directory so that the command line finds it. */
export interface DaemonRecord {
  readonly pid: number;
  /** Path of the control socket. */
  readonly socket: string;
}

const RECORD_FILE = 'daemon.json';
const SOCKET_FILE = 'control.sock';
/** Longest path that every system binds a Unix socket to: macOS takes 103 bytes, Linux 107. */
const MAX_SOCKET_PATH_BYTES = 103;

/** Where the control socket goes: in the data directory, or in a private folder where that path is too long. */
export function chooseSocketPath(dataDir: string): string {
  const path = join(dataDir, SOCKET_FILE);
  return Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES
    ? path
    : join(mkdtempSync(join(tmpdir(), 'bulkhead-control-')), SOCKET_FILE);
}

/** Call it while the daemon's lock is held. */
export function writeDaemonRecord(dataDir: string, record: DaemonRecord): void {
  const file = join(dataDir, RECORD_FILE);
  writeFileSync(`${file}.tmp`, `${JSON.stringify(record)}\n`, { mode: 0o600 });
  renameSync(`${file}.tmp`, file);
}

/** Removes record and socket, and the private folder if there is one. Harmless when they are gone. */
export function removeDaemonRecord(dataDir: string): void {
  const record = readDaemonRecord(dataDir);
  rmSync(join(dataDir, RECORD_FILE), { force: true });
  if (record === undefined) return;
  const folder = dirname(record.socket);
  if (folder.startsWith(join(tmpdir(), 'bulkhead-control-')))
    rmSync(folder, { recursive: true, force: true });
  else rmSync(record.socket, { force: true });
}

/** undefined when no daemon left one, or it is not readable. */
export function readDaemonRecord(dataDir: string): DaemonRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(join(dataDir, RECORD_FILE), 'utf8'));
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !('pid' in value) || !('socket' in value))
    return undefined;
  const { pid, socket } = value;
  return typeof pid === 'number' && typeof socket === 'string' ? { pid, socket } : undefined;
}
