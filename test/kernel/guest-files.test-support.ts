import { readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { findProgram } from '../../host/sidecar/wall/find-program.js';
import { findLibraries } from '../../host/sidecar/wall/libraries.js';
import { Image } from './image.test-support.js';
import type { Extent } from './inside/checks.js';
import { copyPackage } from './packages.test-support.js';

const ROOT = realpathSync(join(import.meta.dirname, '../..'));
const INSIDE = join(ROOT, 'test/kernel/inside');
/** What the first process, the checks and the host run. */
const PROGRAMS = ['bash', 'mount', 'chroot', 'unshare', 'setpriv', 'prlimit', 'bwrap'];
/** A script, so it has no libraries. */
const SCRIPTS = ['ldd'];
const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';
const FOLDERS = ['/proc', '/sys', '/dev', '/root', '/run'];
const OPEN_FOLDERS = ['/tmp', '/var/tmp'];
/** Entry points of the bundles: what runs inside, and the worker that the host starts from a file beside itself. */
const SCRIPT_FILES = {
  main: join(INSIDE, 'main.ts'),
  host: join(INSIDE, 'host.ts'),
  probe: join(INSIDE, 'probe.ts'),
  'limits-thread': join(ROOT, 'host/sidecar/limits/limits-thread.ts'),
};

/**
 * All that a machine needs to run `inside/main.ts` on this Node: programs with their libraries, the SDK, the hostile
 * plugin, and the scripts, which are bundled with the host's sources because loading many files is slow in there.
 *
 * @throws Error when one of the programs is not installed
 */
export async function createImage(extent: Extent): Promise<Image> {
  const image = new Image();
  for (const folder of FOLDERS) image.directory(folder);
  for (const folder of OPEN_FOLDERS) image.directory(folder, 0o1777);
  image.file('/etc/passwd', 'root:x:0:0::/root:/bin/sh\noperator:x:1000:1000::/var/tmp:/bin/sh\n');
  image.copy('/bin/sh');
  for (const name of SCRIPTS) image.copy(await locate(name));
  for (const program of [...(await Promise.all(PROGRAMS.map(locate))), '/bin/sh', process.execPath]) {
    for (const { target } of await findLibraries(program)) image.copy(target);
  }
  copyPackage(image, join(ROOT, 'test/fixtures/plugins/hostile'));
  image.copy(join(ROOT, 'test/package.json'));
  for (const { path, contents } of await bundle()) image.file(path, contents);
  image.file('/init', readFileSync(join(INSIDE, 'init.sh')), 0o755);
  image.file(
    '/settings',
    `export PATH=${PATH}\nNODE='${process.execPath}'\nPROGRAM='${join(INSIDE, 'main.js')}'\nEXTENT=${extent}\n`,
  );
  return image;
}

async function locate(name: string): Promise<string> {
  const path = await findProgram(name, PATH);
  if (path === undefined) throw new Error(`${name} is not installed`);
  return path;
}

async function bundle(): Promise<readonly { path: string; contents: Uint8Array }[]> {
  const { outputFiles } = await build({
    entryPoints: SCRIPT_FILES,
    outdir: INSIDE,
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    // Packages in the older form of modules among them ask for this.
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
    },
  });
  return outputFiles;
}
