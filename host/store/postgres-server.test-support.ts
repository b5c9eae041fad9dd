import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chown, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';

const run = promisify(execFile);
const START_TIMEOUT_MS = 60_000;
/** A server as in production, but small. */
const SETTINGS = ['fsync=on', 'shared_buffers=32MB', 'max_connections=200', 'listen_addresses=127.0.0.1'];

/** A PostgreSQL server of its own, in a temporary folder, on a free port of loopback. */
export interface PostgresServer {
  /** Address of its database `postgres`, as its superuser. */
  readonly url: string;
  readonly folder: string;
  start(): Promise<void>;
  /** `fast` ends connections, `immediate` is as good as a crash. */
  stop(how: 'fast' | 'immediate'): Promise<void>;
  remove(): Promise<void>;
}

/** Where Debian and others keep the server's programs; undefined when there are none. */
export async function findPostgres(): Promise<string | undefined> {
  const root = '/usr/lib/postgresql';
  const versions = await readdir(root).catch(() => []);
  const newest = versions
    .toSorted((a, b) => Number(b) - Number(a))
    .map((version) => join(root, version, 'bin'));
  const inPath = (process.env['PATH'] ?? '').split(':');
  return [...newest, ...inPath].find(
    (folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')),
  );
}

/** @param bin the folder of its programs */
export async function createPostgres(bin: string): Promise<PostgresServer> {
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-pg-'));
  const port = await freePort();
  const as = await user();
  if (as !== undefined) await chown(folder, as.uid, as.gid);
  const data = join(folder, 'data');
  const options = { ...as, cwd: folder, env: { PATH: process.env['PATH'], LC_ALL: 'C' } };
  await run(
    join(bin, 'initdb'),
    ['-D', data, '-U', 'bulkhead', '-A', 'trust', '-E', 'UTF8', '--no-sync', '--no-instructions'],
    options,
  );
  const url = `postgres://bulkhead@127.0.0.1:${port}/postgres`;
  const stop = (how: 'fast' | 'immediate'): Promise<void> => stopPostgres(folder, how);
  return {
    url,
    folder,
    async start() {
      const settings = [...SETTINGS, `port=${port}`, `unix_socket_directories=${folder}`];
      const server = spawn(
        join(bin, 'postgres'),
        ['-D', data, ...settings.flatMap((setting) => ['-c', setting])],
        // Other test processes use it too, and outlive the one that started it.
        { ...options, detached: true, stdio: 'ignore' },
      );
      server.unref();
      await answers(url);
    },
    stop,
    remove: () => removePostgres(folder),
  };
}

/** Stops the server that lives in a folder, whoever started it; resolves when its process is gone. */
async function stopPostgres(folder: string, how: 'fast' | 'immediate'): Promise<void> {
  const pid = await pidIn(join(folder, 'data'));
  if (pid === undefined) return;
  process.kill(pid, how === 'fast' ? 'SIGINT' : 'SIGQUIT');
  while (alive(pid)) await sleep(10);
}

export async function removePostgres(folder: string): Promise<void> {
  await stopPostgres(folder, 'immediate');
  await rm(folder, { recursive: true, force: true });
}

/** The server does not run as root. */
async function user(): Promise<{ readonly uid: number; readonly gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const passwd = await readFile('/etc/passwd', 'utf8');
  const line = /^(?:postgres|nobody):[^:]*:(\d+):(\d+):/m.exec(passwd);
  return { uid: Number(line?.[1] ?? 65_534), gid: Number(line?.[2] ?? 65_534) };
}

async function answers(url: string): Promise<void> {
  const until = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1_000 });
    client.on('error', () => {});
    try {
      await client.connect();
      await client.end();
      return;
    } catch (error) {
      if (performance.now() > until) throw error;
      await sleep(20);
    }
  }
}

async function pidIn(data: string): Promise<number | undefined> {
  const text = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '');
  const pid = Number(text.split('\n')[0]);
  return pid > 0 && alive(pid) ? pid : undefined;
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        if (typeof address === 'object' && address !== null) resolve(address.port);
        else reject(new Error('expected a port'));
      });
    });
  });
}

/** Runs statements as the superuser. */
export async function administer(url: string, ...statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}
