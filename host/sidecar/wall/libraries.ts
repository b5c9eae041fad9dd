import { realpath } from 'node:fs/promises';
import { execa } from 'execa';
import { findProgram } from './find-program.js';

const TIMEOUT_MS = 10_000;

/** One file of the host's that is seen in a sandbox under another name, or its own. */
export interface BoundFile {
  readonly source: string;
  readonly target: string;
}

/**
 * A program of the machine's own and the libraries that the loader will want for it. Never for a file that came with a
 * plugin: on some systems ldd runs what it looks at.
 *
 * @throws Error when ldd is missing or does not know the file
 */
export async function findLibraries(program: string): Promise<readonly BoundFile[]> {
  const ldd = await findProgram('ldd');
  if (ldd === undefined) throw new Error('ldd is missing, which tells the libraries of a program');
  const { stdout } = await execa(ldd, [program], {
    extendEnv: false,
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' },
    stdin: 'ignore',
    timeout: TIMEOUT_MS,
  });
  const libraries = parseLdd(stdout);
  return Promise.all(
    [program, ...libraries].map(async (target) => ({ source: await realpath(target), target })),
  );
}

/** The absolute paths that ldd names, in its order. */
export function parseLdd(text: string): readonly string[] {
  return text.split('\n').flatMap((line) => /(?:^|\s)(\/\S+) \(0x[0-9a-f]+\)/.exec(line)?.[1] ?? []);
}
