import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTestCli, makeTestFolder, runIn } from './cli.test-support.js';
import { createProgram } from './program.js';
import { renderCliDocs } from './render-docs.js';

let folder: string;

beforeEach(async () => {
  folder = await makeTestFolder();
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** A plugin's package that is all right. */
async function writePlugin(): Promise<string> {
  const directory = join(folder, 'quiet');
  await mkdir(join(directory, 'dist'), { recursive: true });
  await writeFile(join(directory, 'dist', 'index.js'), 'export default {};\n');
  const packageJson = { name: '@test/quiet', version: '1.0.0', type: 'module', exports: './dist/index.js' };
  await writeFile(join(directory, 'package.json'), JSON.stringify(packageJson));
  await writeFile(
    join(directory, 'plugin.yaml'),
    'id: test.quiet\nname: quiet\nversion: 1.0.0\ndescription: Does nothing.\nhooks: [tool_pre_invoke]\n',
  );
  return directory;
}

describe('the command line', () => {
  test('suggests what was meant, and ends with 2', async () => {
    const said = await runIn(folder, 'statsu');
    expect(said).toMatchObject({ code: 2, out: '' });
    expect(said.err).toContain("unknown command 'statsu'");
    expect(said.err).toContain('Did you mean status?');
    expect((await runIn(folder, 'plugin', 'relod', 'x')).err).toContain('Did you mean reload?');
    expect((await runIn(folder, 'status', '--jsn')).err).toContain('Did you mean --json?');
  });

  test('ends with 2 when an argument is missing, too many or not valid', async () => {
    expect((await runIn(folder, 'plugin', 'info')).code).toBe(2);
    expect((await runIn(folder, 'config', 'schema', 'x')).code).toBe(2);
    expect((await runIn(folder, 'completion', 'tcsh')).code).toBe(2);
    expect((await runIn(folder, 'plugin', 'logs', 'x', '--lines', 'many')).code).toBe(2);
  });

  test('shows help and version, and ends with 0', async () => {
    const help = await runIn(folder, '--help');
    expect(help).toMatchObject({ code: 0, err: '' });
    expect(help.out).toContain('plugin');
    expect((await runIn(folder, '--version')).out).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect((await runIn(folder, 'plugin', 'reload', '--help')).code).toBe(0);
  });

  test('says that no daemon runs, and what to do', async () => {
    for (const args of [
      ['status'],
      ['config', 'apply'],
      ['plugin', 'reload', 'x'],
      ['plugin', 'logs', 'x'],
    ]) {
      const said = await runIn(folder, ...args);
      expect(said).toMatchObject({ code: 1, err: expect.stringMatching(/^NOT_RUNNING: .*bulkhead start/) });
    }
  });

  test('docs/cli.md is what the commands say', async () => {
    const file = fileURLToPath(new URL('../../docs/cli.md', import.meta.url));
    const text = renderCliDocs(createProgram(createTestCli(folder).cli));
    const options = { ...(await resolveConfig(file)), parser: 'markdown' };
    await expect(await format(text, options)).toMatchFileSnapshot(file);
  });
});

describe('init', () => {
  test('writes a configuration that is valid as it is, once', async () => {
    expect(await runIn(folder, 'init', 'gateway')).toMatchObject({ code: 0, err: '' });
    const file = join(folder, 'gateway', 'bulkhead.yaml');
    expect(await readFile(file, 'utf8')).toContain('environment: development');
    expect(await runIn(folder, 'config', 'check', '--config', file)).toMatchObject({
      code: 0,
      out: expect.stringContaining('valid'),
    });
    const again = await runIn(folder, 'init', 'gateway');
    expect(again).toMatchObject({ code: 2, err: expect.stringContaining('exists') });
  });
});

describe('config', () => {
  test('check tells every problem with file and line, once each', async () => {
    await writeFile(join(folder, 'bulkhead.yaml'), 'policy: 7\nlisten:\n  dtaa: {}\n');
    const said = await runIn(folder, 'config', 'check');
    expect(said.code).toBe(1);
    expect(said.err.match(/bulkhead\.yaml:1\b/g)).toHaveLength(1);
    expect(said.err.match(/bulkhead\.yaml:3\b/g)).toHaveLength(1);
    expect(said.err).toContain('dtaa');
  });

  test('explain prints values with the line they came from', async () => {
    await writePlugin();
    await writeFile(join(folder, 'bulkhead.yaml'), 'plugins:\n  q:\n    plugin: ./quiet\n    priority: 7\n');
    const said = await runIn(folder, 'config', 'explain', 'q');
    expect(said.code).toBe(0);
    expect(said.out).toMatch(/hooks\.tool_pre_invoke\.priority\s+7\s+.*bulkhead\.yaml:4/);
    const json = await runIn(folder, 'config', 'explain', 'q', '--json');
    expect(JSON.parse(json.out)).toMatchObject({
      values: expect.arrayContaining([expect.objectContaining({ key: 'mode' })]),
    });
    expect((await runIn(folder, 'config', 'explain', 'p')).err).toContain('PLUGIN_NOT_FOUND');
  });

  test('schema prints a JSON Schema', async () => {
    const said = await runIn(folder, 'config', 'schema');
    expect(JSON.parse(said.out)).toMatchObject({ $schema: expect.stringContaining('json-schema.org') });
  });
});

describe('plugin', () => {
  test('list shows what is configured when no daemon runs', async () => {
    await writePlugin();
    await writeFile(join(folder, 'bulkhead.yaml'), 'plugins:\n  q:\n    plugin: ./quiet\n');
    const said = await runIn(folder, 'plugin', 'list');
    expect(said).toMatchObject({ code: 0, err: expect.stringContaining('No daemon runs') });
    expect(said.out).toMatch(/^q\s+1\.0\.0\s+sequential\s+installed/m);
    expect(JSON.parse((await runIn(folder, 'plugin', 'list', '--json')).out)).toMatchObject({
      plugins: [{ name: 'q', id: 'test.quiet' }],
    });
  });

  test('check finds nothing in a good package and says what it looked at', async () => {
    const said = await runIn(folder, 'plugin', 'check', await writePlugin());
    expect(said).toMatchObject({ code: 0, err: '' });
    expect(said.out).toMatch(/test\.quiet .*checked manifest, entry.*no problem/);
  });

  test('check prints a line a problem, with the line of the manifest', async () => {
    const directory = await writePlugin();
    await writeFile(join(directory, 'plugin.yaml'), 'name: quiet\nversion: 1.0.0\nhoks: []\n');
    const said = await runIn(folder, 'plugin', 'check', directory);
    expect(said.code).toBe(1);
    expect(said.out).toMatch(/plugin\.yaml:3.*hoks/);
  });

  test('check refuses an entry that a link leads out of the package', async () => {
    const directory = await writePlugin();
    await writeFile(join(folder, 'outside.js'), '');
    await rm(join(directory, 'dist', 'index.js'));
    await symlink(join(folder, 'outside.js'), join(directory, 'dist', 'index.js'));
    expect(await runIn(folder, 'plugin', 'check', directory)).toMatchObject({
      code: 1,
      out: expect.stringContaining('leads out of the package'),
    });
  });

  test('verify says of a plugin that was placed by hand how to pin it, in production alone', async () => {
    const directory = await writePlugin();
    const config = (environment: string): Promise<void> =>
      writeFile(
        join(folder, 'bulkhead.yaml'),
        `environment: ${environment}\nplugins:\n  q:\n    plugin: ./quiet\n`,
      );
    await config('development');
    expect(await runIn(folder, 'plugin', 'verify', 'q')).toMatchObject({ code: 0 });
    await config('production');
    const said = await runIn(folder, 'plugin', 'verify', 'q', '--json');
    expect(said.code).toBe(1);
    expect(JSON.parse(said.out)).toMatchObject({
      problems: [
        {
          code: 'NOT_LOCKED',
          file: directory,
          message: expect.stringContaining(`bulkhead plugin lock ${directory}`) as unknown,
        },
      ],
    });
  });

  test('types writes what follows from the manifest', async () => {
    const directory = await writePlugin();
    const said = await runIn(folder, 'types', directory);
    expect(said.out.trim()).toBe(join(directory, 'plugin.gen.d.ts'));
    expect(await readFile(join(directory, 'plugin.gen.d.ts'), 'utf8')).toContain('PluginTypes');
  });
});

describe('completion', () => {
  test('offers commands where they may stand, in bash', async () => {
    const { out } = await runIn(folder, 'completion', 'bash');
    const complete = async (...words: readonly string[]): Promise<readonly string[]> => {
      const script = `${out}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=$((\${#COMP_WORDS[@]}-1)); _bulkhead; echo "\${COMPREPLY[@]}"`;
      const { stdout } = await promisify(execFile)('bash', ['-c', script]);
      return stdout.trim().split(' ');
    };
    expect(await complete('bulkhead', 'st')).toEqual(['start', 'status']);
    expect(await complete('bulkhead', 'plugin', 'rel')).toEqual(['reload']);
    expect(await complete('bulkhead', 'status', '--js')).toEqual(['--json']);
  });

  test.each(['bash', 'zsh', 'fish'])('knows every command in %s', async (shell) => {
    const { out } = await runIn(folder, 'completion', shell);
    for (const word of ['start', 'plugin', 'explain', 'completion']) expect(out).toContain(word);
  });
});
