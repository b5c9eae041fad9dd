import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));

/** What only an older Node loads; beside the runner, so that nobody else reads it. */
const OLDER_CLIENTS = 'older-clients.cjs';
const BESIDE = {
  name: 'a file beside the runner',
  setup(build) {
    build.onResolve({ filter: /\/older-clients\.js$/ }, () => ({
      path: `./${OLDER_CLIENTS}`,
      external: true,
    }));
  },
};

/**
 * Bundles the runner with everything that it needs into one CommonJS file: that starts a plugin about a third faster than
 * loading the packages one by one. `@bulkhead/proto` must have been built.
 *
 * @param {string} [outfile]
 */
export async function buildRunner(outfile = join(here, 'dist/bin.cjs')) {
  const { version } = JSON.parse(await readFile(join(here, 'package.json'), 'utf8'));
  const options = { bundle: true, platform: 'node', format: 'cjs', target: 'node22', logLevel: 'warning' };
  await Promise.all([
    build({
      ...options,
      entryPoints: [join(here, 'bin.ts')],
      outfile,
      plugins: [BESIDE],
      define: { SDK_VERSION: JSON.stringify(version) },
      banner: { js: '#!/usr/bin/env node' },
    }),
    build({
      ...options,
      entryPoints: [join(here, 'network', 'older-clients.ts')],
      outfile: join(dirname(outfile), OLDER_CLIENTS),
      minify: true,
    }),
  ]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildRunner();
