import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile, chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const ROOT = dirname(dirname(import.meta.dirname));
const run = promisify(execFile);

let clone: string;
let calls: string;

/** A clone that has nothing but the scripts, and an npx that notes its arguments and installs a Node that does too. */
beforeEach(async () => {
  clone = await mkdtemp(join(tmpdir(), 'bulkhead clone '));
  calls = join(clone, 'calls.txt');
  await cp(join(ROOT, 'scripts'), join(clone, 'scripts'), { recursive: true });
  await writeFile(join(clone, 'package.json'), '{"type":"module"}');
  await mkdir(join(clone, 'bin'));
  const tool = (name: string): string => `echo "${name} $*" >> '${calls}'`;
  const node = `node-${process.platform}-${process.arch}`;
  const script = `#!/bin/sh
${tool('npx')}
[ -f '${join(clone, 'broken')}' ] && { echo 'the registry is on fire'; exit 3; }
mkdir -p 'node_modules/${node}/bin'
echo '{}' > node_modules/.modules.yaml
cat > 'node_modules/${node}/bin/node' <<'END'
#!/bin/sh
[ "$1" = --version ] && exit 0
${tool('node')}
case "$*" in *vitest*) exit 7 ;; esac
END
chmod +x 'node_modules/${node}/bin/node'
`;
  await writeFile(join(clone, 'bin', 'npx'), script);
  await chmod(join(clone, 'bin', 'npx'), 0o755);
});

afterEach(async () => {
  await rm(clone, { recursive: true, force: true });
});

async function bootstrap(...args: readonly string[]): Promise<{ code: number; stderr: string }> {
  const path = [join(clone, 'bin'), dirname(process.execPath), '/usr/bin', '/bin'].join(delimiter);
  const env = { PATH: path };
  try {
    const { stderr } = await run(process.execPath, [join(clone, 'scripts', 'bootstrap.mjs'), ...args], {
      env,
    });
    return { code: 0, stderr };
  } catch (error) {
    if (!(error instanceof Error && 'stderr' in error && 'code' in error)) throw error;
    return { code: Number(error.code), stderr: String(error.stderr) };
  }
}

async function called(): Promise<readonly string[]> {
  const { stdout } = await run('cat', [calls]);
  return stdout.trim().replaceAll(`${clone}/`, '').split('\n');
}

describe('the bootstrap', () => {
  test('installs, builds, sets up plugins, then runs the task with its arguments on the pinned Node', async () => {
    expect((await bootstrap('start', '--watch')).code).toBe(0);
    expect(await called()).toEqual([
      expect.stringMatching(/^npx --yes pnpm@[\d.]+ install --frozen-lockfile/),
      'node node_modules/typescript/bin/tsc -b',
      'node scripts/install-plugins.mjs --frozen',
      'node host/dist/cli/main.js start --watch',
    ]);
  });

  test('installs again only when something that decides it changed', async () => {
    await bootstrap('build');
    await bootstrap('build');
    expect((await called()).filter((call) => call.startsWith('npx'))).toHaveLength(1);
    await writeFile(join(clone, 'pnpm-lock.yaml'), 'lockfileVersion: 9');
    await bootstrap('build');
    expect((await called()).filter((call) => call.startsWith('npx'))).toHaveLength(2);
  });

  test('says which step failed and shows all of its output, and tries it again the next time', async () => {
    await writeFile(join(clone, 'broken'), '');
    const failed = await bootstrap('start');
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain('the registry is on fire');
    expect(failed.stderr).toMatch(/Failed: Installing packages.*exit code 3/);
    expect(await called()).toHaveLength(1);
    await rm(join(clone, 'broken'));
    expect((await bootstrap('build')).code).toBe(0);
  });

  test('ends with the exit code of the task', async () => {
    expect((await bootstrap('test')).code).toBe(7);
  });

  test('ends with 2 for a task that there is not', async () => {
    expect(await bootstrap('strat')).toMatchObject({ code: 2, stderr: expect.stringContaining('test:long') });
    expect((await bootstrap()).code).toBe(2);
  });
});
