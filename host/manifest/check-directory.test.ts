import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkPluginDirectory } from './check-directory.js';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bulkhead-check-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

async function check(lines: readonly string[]): Promise<readonly string[]> {
  await writeFile(
    join(directory, 'plugin.yaml'),
    ['id: com.example.a', 'name: A', 'version: 1.0.0', ...lines].join('\n'),
  );
  const { problems, notices } = await checkPluginDirectory(directory);
  return [...problems, ...notices].map(({ code, line, message }) => `${code} ${line ?? ''} ${message}`);
}

describe('checkPluginDirectory', () => {
  it('finds nothing wrong with a good plugin', async () => {
    await writeFile(join(directory, 'index.js'), '');
    expect(await check(['entry: ./index.js', 'hooks: [tool_pre_invoke]'])).toEqual([]);
    expect((await checkPluginDirectory(directory)).loaded?.manifest.id).toBe('com.example.a');
  });

  it('misses an entry, and one that is not there', async () => {
    expect(await check([])).toEqual([
      "MISSING_REQUIRED_FIELD  expected the key 'entry', or `exports` in package.json, and neither is there.",
    ]);
    expect(await check(['entry: dist/index.js'])).toEqual([
      "MANIFEST_INVALID 4 entry: expected the file 'dist/index.js' in the package, and it is not there.",
    ]);
    await mkdir(join(directory, 'dist/index.js'), { recursive: true });
    expect(await check(['entry: dist/index.js'])).toEqual([
      "MANIFEST_INVALID 4 entry: expected a file at 'dist/index.js', found something else.",
    ]);
  });

  it('refuses an entry that is a link out of the package', async () => {
    await symlink(process.execPath, join(directory, 'index.js'));
    expect(await check(['entry: index.js'])).toEqual([
      "MANIFEST_INVALID 4 entry: 'index.js' is a link that leads out of the package.",
    ]);
  });

  it('misses assets, a slash in front meaning the package', async () => {
    await writeFile(join(directory, 'index.js'), '');
    expect(await check(['entry: index.js', 'assets:', '  - /index.js', '  - /icon.svg'])).toEqual([
      "ASSET_NOT_FOUND 7 expected the file 'icon.svg' in the package, and it is not there.",
    ]);
  });

  it('refuses conditions that can never apply, and says of a hook that nobody may declare it', async () => {
    await writeFile(join(directory, 'index.js'), '');
    const found = await check([
      'entry: index.js',
      'hooks:',
      '  tool_pre_invoke:',
      '    conditions:',
      '      - prompts: [x]',
      '  order_placed:',
    ]);
    expect(found[0]).toMatch(/^MANIFEST_INVALID 7 .*'prompts' can never apply to tool_pre_invoke/);
    expect(found[1]).toMatch(/^UNKNOWN_HOOK 9 the hook 'order_placed' is not built in/);
  });

  it("tells the manifest's own faults", async () => {
    expect(await check(['hoks: []'])).toEqual([
      "MANIFEST_INVALID 4 unknown key 'hoks'. Did you mean 'hooks'?",
    ]);
  });
});
