import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestProject } from 'vitest/node';
import { createPostgres, findPostgres, removePostgres } from './postgres-server.test-support.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** The folder in which the test files of a run agree on one PostgreSQL server. */
    readonly postgresRun: string;
  }
}

const START_TIMEOUT_MS = 60_000;

/** Once per run, in vitest's main process: nothing is started before a test needs it, and what was started ends. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-pg-run-'));
  project.provide('postgresRun', folder);
  return async () => {
    const home = await readFile(join(folder, 'home'), 'utf8').catch(() => undefined);
    if (home !== undefined) await removePostgres(home);
    await rm(folder, { recursive: true, force: true });
  };
}

/**
 * The address of the one server that all test files of a run share; whoever needs it first starts it.
 *
 * @returns undefined when PostgreSQL is not installed
 */
export async function sharedPostgres(folder: string): Promise<string | undefined> {
  const bin = await findPostgres();
  if (bin === undefined) return undefined;
  const file = join(folder, 'server.json');
  const first = await mkdir(join(folder, 'lock')).then(
    () => true,
    () => false,
  );
  if (first) await startIn(folder, bin, file);
  const until = performance.now() + START_TIMEOUT_MS;
  while (!existsSync(file)) {
    if (performance.now() > until) throw new Error('the PostgreSQL server of this test run did not start');
    await sleep(20);
  }
  const { url, error } = JSON.parse(await readFile(file, 'utf8'));
  if (typeof url !== 'string') throw new Error(`PostgreSQL did not start: ${error}`);
  return url;
}

async function startIn(folder: string, bin: string, file: string): Promise<void> {
  let told: object;
  try {
    const server = await createPostgres(bin);
    await writeFile(join(folder, 'home'), server.folder);
    await server.start();
    told = { url: server.url };
  } catch (error) {
    told = { error: String(error) };
  }
  await writeFile(`${file}.new`, JSON.stringify(told));
  await rename(`${file}.new`, file);
}
