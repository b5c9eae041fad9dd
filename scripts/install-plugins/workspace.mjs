import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InstallError } from './install-error.mjs';
import { readFiles } from './package-files.mjs';

/** Folders of the SDK that only its own tests, its bundled runner and plugin tests use. */
const NOT_AT_RUN_TIME = /^dist\/(?:testing|runner)\//;

/**
 * What all environments are built from: the lockfile's text, and the SDK as plugins get it.
 *
 * @param {string} root
 */
export async function readWorkspace(root) {
  const lockfile = await readFile(join(root, 'pnpm-lock.yaml'), 'utf8').catch(() => {
    throw new InstallError(
      `expected pnpm-lock.yaml in ${root}, found none; run npm start there once, which installs the packages`,
    );
  });
  return { root, lockfile, sdk: await readSdk(join(root, 'sdk')) };
}

/** The built SDK. Its runner is one bundle and its entry imports nothing else, so a copy needs no dependencies. */
async function readSdk(directory) {
  const described = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8'));
  const { dependencies: _own, devDependencies: _dev, peerDependencies: _peer, ...rest } = described;
  const { './testing': _testing, ...exported } = described.exports;
  const built = await readFiles(directory, ['dist']);
  const files = built.filter(({ path }) => !NOT_AT_RUN_TIME.test(path));
  for (const needed of ['dist/index.js', 'dist/bin.cjs']) {
    if (!files.some(({ path }) => path === needed)) {
      throw new InstallError(`expected sdk/${needed}, found none; build first: npm run build`);
    }
  }
  const text = `${JSON.stringify({ ...rest, exports: exported }, null, 2)}\n`;
  return { name: described.name, files: [{ path: 'package.json', content: Buffer.from(text) }, ...files] };
}
