import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HOOKS } from '@bulkhead/proto/rules';
import { describe, expect, it } from 'vitest';
import { PLUGIN_KINDS } from '../../host/cli/author/plugin-kinds.js';
import { createTestCli } from './cli.test-support.js';

const LONG_MS = 120_000;

describe('bulkhead new', () => {
  it.each(['--ts', '--js'])(
    '%s writes a package on every hook that builds, passes its tests and starts',
    async (language) => {
      await using author = await createTestCli();
      const hooks = Object.keys(HOOKS).join(',');
      const made = await author.run(['new', '@acme/my-plugin', language, '--hooks', hooks, '--yes']);
      expect(made).toMatchObject({ code: 0, err: '' });
      expect(made.out).toContain('bulkhead dev my-plugin');
      const tested = await author.run(['test', 'my-plugin', '--json']);
      expect({ ...tested, err: '' }).toMatchObject({ code: 0 });
      expect(JSON.parse(tested.out)).toMatchObject({ name: 'acme.my-plugin', problems: [] });
      expect(tested.err).toMatch(new RegExp(`pass ${Object.keys(HOOKS).length + 2}\\b`));
    },
    LONG_MS,
  );

  it.each(['--ts', '--js'])(
    '%s writes a package of every other kind too, alike',
    async (language) => {
      await using author = await createTestCli();
      const made = await author.run(['new', 'full', language, '--with', PLUGIN_KINDS.join(','), '--yes']);
      expect(made).toMatchObject({ code: 0, err: '' });
      const tested = await author.run(['test', 'full', '--json']);
      expect({ ...tested, err: '' }).toMatchObject({ code: 0 });
      expect(JSON.parse(tested.out)).toMatchObject({ problems: [] });
      expect(tested.err).toMatch(new RegExp(`pass ${PLUGIN_KINDS.length + 2}\\b`));
    },
    LONG_MS,
  );

  it.each(PLUGIN_KINDS)(
    'writes a package of %s alone',
    async (kind) => {
      await using author = await createTestCli();
      await author.run(['new', 'single', '--js', '--with', kind, '--yes']);
      const tested = await author.run(['test', 'single', '--json']);
      expect({ ...tested, err: '' }).toMatchObject({ code: 0 });
      expect(tested.err).toMatch(/pass 3\b/);
    },
    LONG_MS,
  );

  it('asks a person for what no option says', async () => {
    await using author = await createTestCli();
    await author.run(
      ['new', 'asked', '--dir', 'here'],
      ['nonsense', '', '2, resource_pre_fetch', 'tools, 7', 'js'],
    );
    const manifest = await readFile(join(author.folder, 'here', 'plugin.yaml'), 'utf8');
    expect(manifest).toContain('hooks: [tool_post_invoke, resource_pre_fetch]');
    expect(manifest).toMatch(/contributes:\n {2}tools:\n(?:.*\n)+ {2}schedules:/);
    expect(await readdir(join(author.folder, 'here', 'src'))).toEqual(['index.js', 'index.test.js']);
  });

  it('says which peer it needs, and where this checkout has its SDK', async () => {
    await using author = await createTestCli();
    await author.run(['new', 'plain', '--yes']);
    const described: unknown = JSON.parse(
      await readFile(join(author.folder, 'plain', 'package.json'), 'utf8'),
    );
    expect(described).toMatchObject({
      peerDependencies: { '@bulkhead/sdk': expect.stringMatching(/^\^\d/) },
      devDependencies: { '@bulkhead/sdk': expect.stringMatching(/^link:(?:\.\.\/)+.*sdk$/) },
    });
    expect(described).not.toHaveProperty('dependencies');
  });

  it('writes nothing over something, and nothing by halves', async () => {
    await using author = await createTestCli();
    await mkdir(join(author.folder, 'taken'));
    await writeFile(join(author.folder, 'taken', 'mine'), '');
    await writeFile(join(author.folder, 'file'), '');
    for (const name of ['taken', 'file', 'My Plugin', '../up', '@acme', '']) {
      expect((await author.run(['new', name, '--yes'])).code).toBe(2);
    }
    expect((await author.run(['new', 'other', '--hooks', 'tool_pre_invok', '--yes'])).err).toContain(
      "Did you mean 'tool_pre_invoke'?",
    );
    expect((await author.run(['new', 'other', '--with', 'tool', '--yes'])).err).toContain(
      "Did you mean 'tools'?",
    );
    expect((await author.run(['new', 'other', '--hooks', 'none', '--yes'])).code).toBe(2);
    expect((await readdir(author.folder)).sort()).toEqual(['file', 'taken']);
    expect(await readdir(join(author.folder, 'taken'))).toEqual(['mine']);
  });
});
