import { execa } from 'execa';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateAuthorTypes } from '../../host/manifest/author-types.js';
import { readManifest } from '../../host/manifest/load-manifest.js';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = fileURLToPath(new URL('../..', import.meta.url));

interface Section {
  readonly title: string;
  readonly slug: string;
  /** File name to content, from the fences of the section. */
  readonly files: Readonly<Record<string, string>>;
}

const FENCE = /^```\w+ ([\w.-]+)\n([^]*?)^```$/gm;

function parseSections(guide: string): readonly Section[] {
  return guide
    .split(/^## /m)
    .slice(1)
    .map((text) => {
      const title = text.slice(0, text.indexOf('\n'));
      const files = [...text.matchAll(FENCE)].map(([, name = '', content = '']) => [name, content] as const);
      return { title, slug: title.toLowerCase().replace(/\W+/g, '-'), files: Object.fromEntries(files) };
    });
}

const guide = await readFile(join(root, 'docs/plugin-guide.md'), 'utf8');
const sections = parseSections(guide);

const TSCONFIG = {
  extends: join(root, 'tsconfig.base.json'),
  compilerOptions: { composite: false, declaration: false, noEmit: true, allowImportingTsExtensions: true },
  include: ['*.ts'],
};

let directory = '';

beforeAll(async () => {
  // Inside the repository, so that the pieces find @bulkhead/sdk as a plugin would.
  directory = await mkdtemp(join(here, '.snippets-'));
  for (const { slug, files } of sections) {
    const place = join(directory, slug);
    await mkdir(place);
    for (const [name, content] of Object.entries(files)) await writeFile(join(place, name), content);
    await writeFile(join(place, 'tsconfig.json'), JSON.stringify(TSCONFIG));
  }
});

afterAll(() => rm(directory, { recursive: true, force: true }));

it('has every fence in a file of its section', () => {
  const fences = guide.match(/^```\w/gm) ?? [];
  expect(sections.flatMap(({ files }) => Object.keys(files))).toHaveLength(fences.length);
  expect(new Set(sections.map(({ slug }) => slug)).size).toBe(sections.length);
});

describe.each(sections)('the plugin guide on "$title"', ({ slug, files }) => {
  it('shows a manifest, a plugin and its test', () => {
    expect(Object.keys(files)).toEqual(['plugin.yaml', 'plugin.ts', 'plugin.test.ts']);
  });

  it('has a manifest that the host loads without a notice', async () => {
    const read = await readManifest(join(directory, slug));
    if (!read.ok) throw new Error('the manifest is not valid');
    // The guide may be ahead of the host; the manifest says so itself.
    expect(read.notices.filter(({ code }) => code !== 'NOT_YET_USED')).toEqual([]);
  });

  it('has code of the right types, those of its configuration included', async () => {
    const read = await readManifest(join(directory, slug));
    if (!read.ok) throw new Error('the manifest is not valid');
    await writeFile(join(directory, slug, 'plugin.gen.d.ts'), await generateAuthorTypes(read.manifest));
    const tsc = join(root, 'node_modules/.bin/tsc');
    expect(existsSync(tsc)).toBe(true);
    const { stdout, exitCode } = await execa(tsc, ['-p', join(directory, slug)], { reject: false });
    expect(stdout).toBe('');
    expect(exitCode).toBe(0);
  });

  it('has a test that passes', async () => {
    const file = join(directory, slug, 'plugin.test.ts');
    // Not under this runner's own environment: a plugin's test runs alone.
    const { all, exitCode } = await execa(process.execPath, [file], {
      all: true,
      reject: false,
      extendEnv: false,
      env: { PATH: process.env['PATH'] ?? '' },
    });
    expect({ exitCode, output: exitCode === 0 ? '' : all }).toEqual({ exitCode: 0, output: '' });
    expect(all).toMatch(/pass [1-9]/);
  });
});
