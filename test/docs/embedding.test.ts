import { readFile } from 'node:fs/promises';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';

const guide = join(import.meta.dirname, '../../docs/embedding.md');
const packages = join(import.meta.dirname, '../node_modules/@bulkhead');

/** The blocks of a language, in order. */
function blocks(markdown: string, language: string): string[] {
  return [...markdown.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(
    ([, code]) => code ?? '',
  );
}

test('the program in docs/embedding.md prints what the page says', async () => {
  const page = await readFile(guide, 'utf8');
  const [shop = '', plugin = ''] = blocks(page, 'js');
  const [described = ''] = blocks(page, 'json');
  const [manifest = ''] = blocks(page, 'yaml');
  const [printed = ''] = blocks(page, 'text');
  // Inside the workspace, so that both programs find the packages by their names.
  const directory = await mkdtemp(join(import.meta.dirname, '.embedding-'));
  try {
    await mkdir(join(directory, 'order-limit'));
    await mkdir(join(directory, 'node_modules'));
    await symlink(packages, join(directory, 'node_modules/@bulkhead'));
    await writeFile(join(directory, 'package.json'), '{ "type": "module" }');
    await writeFile(join(directory, 'shop.js'), shop);
    await writeFile(join(directory, 'order-limit/package.json'), described);
    await writeFile(join(directory, 'order-limit/plugin.yaml'), manifest);
    await writeFile(join(directory, 'order-limit/index.js'), plugin);
    const { stdout } = await execa(process.execPath, ['shop.js'], {
      cwd: directory,
      timeout: 20_000,
      extendEnv: false,
      env: { PATH: '/usr/bin:/bin' },
    });
    expect(`${stdout}\n`).toBe(printed);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
