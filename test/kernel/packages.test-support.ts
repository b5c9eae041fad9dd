import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Image } from './image.test-support.js';

const LEFT_OUT = new Set(['node_modules', 'test', 'fixtures', '.bulkhead', 'coverage']);
const LEFT_OUT_ENDS = ['.ts', '.map', '.md'];

/** A package as its links show it, with the packages that it depends on and theirs. */
export function copyPackage(image: Image, folder: string, done = new Set<string>()): void {
  const real = realpathSync(folder);
  if (done.has(real)) return;
  done.add(real);
  image.copy(real, (name) => LEFT_OUT.has(name) || LEFT_OUT_ENDS.some((end) => name.endsWith(end)));
  for (const name of dependenciesOf(real)) {
    const link = findLink(real, name);
    if (link === undefined) continue;
    copyPackage(image, link, done);
    image.link(link);
  }
}

function dependenciesOf(folder: string): readonly string[] {
  const text = readFileSync(join(folder, 'package.json'), 'utf8');
  const { dependencies = {} } = JSON.parse(text) as { dependencies?: Readonly<Record<string, string>> };
  return Object.keys(dependencies);
}

/** Where Node would find it. */
function findLink(folder: string, name: string): string | undefined {
  for (let at = folder; at !== dirname(at); at = dirname(at)) {
    const link = join(at, 'node_modules', name);
    if (basename(at) !== 'node_modules' && existsSync(link)) return link;
  }
  return undefined;
}
