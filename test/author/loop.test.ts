import { execa } from 'execa';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../host/clock.js';
import { startDev } from '../../host/cli/author/dev.js';
import { createHost } from '../../host/create-host.js';
import { createTestCli } from './cli.test-support.js';

const LONG_MS = 120_000;

async function call(url: string): Promise<unknown> {
  const answer = await fetch(`${url}/hooks/tool_pre_invoke`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ payload: { name: 'echo' } }),
  });
  const body: unknown = await answer.json();
  return typeof body === 'object' && body !== null ? { status: answer.status, ...body } : body;
}

async function change(file: string, from: string | RegExp, to: string): Promise<void> {
  const text = await readFile(file, 'utf8');
  expect(text).toMatch(from);
  await writeFile(file, text.replace(from, to));
}

describe('from bulkhead new', () => {
  it(
    'to an installed plugin that answers a call, without touching a file',
    async () => {
      await using author = await createTestCli();
      const steps = [
        ['init'],
        ['new', 'first-one', '--yes'],
        ['test', 'first-one'],
        ['pack', 'first-one'],
        ['plugin', 'install', './first-one-0.1.0.tgz'],
      ];
      for (const step of steps)
        expect({ step, ...(await author.run(step)) }).toMatchObject({ step, code: 0 });
      const host = await createHost(
        {
          environment: 'development',
          host: { data_dir: join(author.folder, '.bulkhead') },
          log: { level: 'silent' },
          plugins: { 'first-one': { enabled: true } },
        },
        { baseDirectory: author.folder, env: { PATH: process.env['PATH'] } },
      );
      try {
        await host.start();
        const answer = await host.invoke('tool_pre_invoke', { name: 'echo' });
        expect(answer).toMatchObject({
          allowed: true,
          metadata: { 'first-one': { note: 'seen by first-one' } },
        });
      } finally {
        await host.stop();
      }
    },
    LONG_MS,
  );

  it(
    'to bulkhead dev, which shows each call, reloads on save, and outlives a failed build and a failed start',
    async () => {
      await using author = await createTestCli();
      await author.run(['new', 'live', '--yes']);
      const directory = join(author.folder, 'live');
      const source = join(directory, 'src', 'index.ts');
      const session = await startDev(author.cli, { directory, pluginConfig: {}, clock: systemClock });
      try {
        await author.saidNext('live is ready after');
        await author.saidNext(`curl -s ${session.url}/hooks/tool_pre_invoke`);
        expect(await call(session.url)).toMatchObject({
          status: 200,
          metadata: { live: { note: 'seen by live' } },
        });
        await author.saidNext('tool_pre_invoke');

        await change(source, 'config.note)', "'second')");
        await author.saidNext('live is ready after');
        expect(await call(session.url)).toMatchObject({ metadata: { live: { note: 'second' } } });

        await change(source, "'second')", 'wrong)');
        await author.saidNext("Cannot find name 'wrong'");
        await author.saidNext('Not built: `tsc` ended with exit code');
        expect(await call(session.url)).toMatchObject({ metadata: { live: { note: 'second' } } });

        await change(source, 'wrong)', "'third')");
        await author.saidNext('live is ready after');
        await change(
          source,
          "log.debug('live is set up');",
          "log.debug(''); throw new Error('no start today');",
        );
        await author.saidNext('Not started: SETUP_FAILED: ');
        await author.saidNext('no start today');
        expect(await call(session.url)).toMatchObject({ metadata: { live: { note: 'third' } } });

        await change(source, "throw new Error('no start today');", '');
        await author.saidNext('live is ready after');
        await change(
          join(directory, 'plugin.yaml'),
          'hooks: [tool_pre_invoke]',
          'hooks: [tool_pre_invoke, tool_post_invoke]',
        );
        await author.saidNext('Not started: REGISTRATION_MISMATCH');
        await change(join(directory, 'plugin.yaml'), 'hooks: [', 'hoks: [');
        await author.saidNext('Not started: MANIFEST_INVALID');
        expect(await call(session.url)).toMatchObject({ metadata: { live: { note: 'third' } } });
      } finally {
        await session.stop();
      }
      await expect(call(session.url)).rejects.toThrow();
    },
    LONG_MS,
  );

  it(
    'to bulkhead dev of a plugin that does not start at first',
    async () => {
      await using author = await createTestCli();
      await author.run(['new', 'late', '--js', '--yes']);
      const directory = join(author.folder, 'late');
      const source = join(directory, 'src', 'index.js');
      await change(source, /log\.debug.*/, "throw new Error('not yet');");
      const session = await startDev(author.cli, {
        directory,
        pluginConfig: { note: 'mine' },
        clock: systemClock,
      });
      try {
        await author.saidNext('not yet');
        await change(source, "throw new Error('not yet');", '');
        await author.saidNext('late is ready after');
        expect(await call(session.url)).toMatchObject({ metadata: { late: { note: 'mine' } } });
      } finally {
        await session.stop();
      }
    },
    LONG_MS,
  );
});

describe('bulkhead test', () => {
  it(
    'says what fails: the build, a test, or the code against its manifest',
    async () => {
      await using author = await createTestCli();
      await author.run(['new', 'faulty', '--yes']);
      const directory = join(author.folder, 'faulty');
      await appendFile(join(directory, 'src', 'index.test.ts'), "test('fails', () => assert.equal(1, 2));\n");
      expect(await author.run(['test', 'faulty'])).toMatchObject({
        code: 1,
        out: expect.stringContaining('tests failed: '),
      });
      await change(join(directory, 'src', 'index.test.ts'), "test('fails', () => assert.equal(1, 2));", '');
      await change(join(directory, 'package.json'), /node --test [^,]*"\n/, 'true"\n');
      await change(join(directory, 'plugin.yaml'), 'hooks: [tool_pre_invoke]', 'hooks: [prompt_pre_fetch]');
      const mismatch = await author.run(['test', 'faulty']);
      expect(mismatch).toMatchObject({ code: 1, out: expect.stringContaining('REGISTRATION_MISMATCH') });
      expect(mismatch.out).toContain('prompt_pre_fetch');
      await writeFile(join(directory, 'src', 'index.ts'), 'export default 1 satisfies string;\n');
      expect(await author.run(['test', 'faulty'])).toMatchObject({
        code: 1,
        out: expect.stringContaining('not built: '),
      });
    },
    LONG_MS,
  );
});

describe('bulkhead pack', () => {
  it(
    'packs the same bytes from the same sources, without tests and links',
    async () => {
      await using author = await createTestCli();
      await author.run(['new', '@acme/boxed', '--yes']);
      const first: unknown = JSON.parse(
        (await author.run(['pack', 'boxed', '--json', '--out-dir', 'one'])).out,
      );
      const second: unknown = JSON.parse(
        (await author.run(['pack', 'boxed', '--json', '--out-dir', 'two'])).out,
      );
      const file = join(author.folder, 'one', 'acme-boxed-0.1.0.tgz');
      expect(first).toMatchObject({
        id: 'acme.boxed',
        maturity: 'alpha',
        file,
        integrity: expect.stringMatching(/^sha512-/),
      });
      expect(second).toMatchObject({ integrity: Reflect.get(Object(first), 'integrity') });
      const { stdout } = await execa('tar', ['-tzf', file]);
      expect(stdout.split('\n').sort()).toEqual(
        ['README.md', 'dist/index.js', 'package.json', 'plugin.yaml'].map((path) => `package/${path}`),
      );
      const text = await author.run(['pack', 'boxed']);
      expect(text.out).toMatch(/integrity +sha512-[\w+/]+=*\n/);
    },
    LONG_MS,
  );

  it(
    'refuses what the host would miss, a build that fails, and a level that the package does not have',
    async () => {
      await using author = await createTestCli();
      await author.run(['new', 'bare', '--js', '--yes']);
      const directory = join(author.folder, 'bare');
      await change(join(directory, 'plugin.yaml'), 'maturity: alpha', 'maturity: stable');
      const refused = await author.run(['pack', 'bare']);
      expect(refused.code).toBe(1);
      for (const criterion of ['test coverage', 'security audit', 'documentation', 'support']) {
        expect(refused.err).toMatch(new RegExp(`stable needs (?:a )?${criterion}`));
      }
      await change(join(directory, 'plugin.yaml'), 'maturity: stable', 'maturity: alpha');
      await change(join(directory, 'package.json'), '"plugin.yaml",', '');
      expect((await author.run(['pack', 'bare'])).err).toContain(
        'plugin.yaml (manifest) is not in the package',
      );
      await change(join(directory, 'package.json'), '"scripts": {', '"scripts": { "build": "exit 3",');
      const unbuilt = await author.run(['pack', 'bare']);
      expect(unbuilt).toMatchObject({
        code: 1,
        err: expect.stringContaining('`exit 3` ended with exit code 3'),
      });
      expect((await execa('ls', { cwd: author.folder })).stdout).toBe('bare');
    },
    LONG_MS,
  );
});
