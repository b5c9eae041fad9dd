import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readlink, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  INSTALLER,
  lockfile,
  packageJson,
  smallWorkspace,
  type SmallWorkspace,
} from './workspace.test-support.js';

async function current(workspace: SmallWorkspace): Promise<string | undefined> {
  return readlink(join(workspace.home, 'current')).catch(() => undefined);
}

async function environments(workspace: SmallWorkspace): Promise<string[]> {
  return (await readdir(workspace.home)).filter((name) => name !== 'current');
}

/** What the plugin of the current environment says, with its dependencies. */
async function loadCurrent(workspace: SmallWorkspace): Promise<string> {
  const entry = join(workspace.home, (await current(workspace)) ?? '', 'dist', 'index.js');
  const { default: plugin } = (await import(pathToFileURL(entry).href)) as {
    default: { setup: () => string };
  };
  return plugin.setup();
}

describe('install-plugins', () => {
  it('builds an environment that stands on its own, and makes it current', async () => {
    await using workspace = await smallWorkspace();
    const report = await workspace.install();
    expect(report).toMatchObject({
      failures: [],
      plugins: [{ id: 'dev.test.alpha', status: 'built', packages: 2 }],
    });
    const before = await loadCurrent(workspace);
    expect(before).toBe('innerfirst');
    // Without the packages that it was copied from.
    await rm(join(workspace.root, 'node_modules'), { recursive: true });
    const moved = join(workspace.root, 'moved');
    await rename(join(workspace.home, (await current(workspace)) ?? ''), moved);
    const { default: plugin } = (await import(pathToFileURL(join(moved, 'dist', 'index.js')).href)) as {
      default: { setup: () => string };
    };
    expect(plugin.setup()).toBe('innerfirst');
  });

  it('lets nobody else write into an environment', async () => {
    await using workspace = await smallWorkspace();
    const [plugin] = (await workspace.install()).plugins;
    const all = await readdir(plugin?.path ?? '', { recursive: true, withFileTypes: true });
    expect(all.length).toBeGreaterThan(10);
    for (const entry of all) {
      if (!entry.isSymbolicLink())
        expect((await stat(join(entry.parentPath, entry.name))).mode & 0o022).toBe(0);
    }
  });

  it('has nothing to do when nothing changed', async () => {
    await using workspace = await smallWorkspace();
    const [first] = (await workspace.install()).plugins;
    const built = await stat(first?.path ?? '');
    const [second] = (await workspace.install()).plugins;
    expect(second).toMatchObject({ status: 'current', key: first?.key });
    expect((await stat(second?.path ?? '')).ino).toBe(built.ino);
  });

  it('builds another environment when the package, the SDK or a pinned dependency changes', async () => {
    await using workspace = await smallWorkspace();
    const keys = new Set<string | undefined>();
    const remember = async (): Promise<void> => {
      keys.add((await workspace.install()).plugins[0]?.key);
    };
    await remember();
    await workspace.change('second');
    await remember();
    expect(await loadCurrent(workspace)).toBe('innersecond');
    await workspace.write('sdk/dist/bin.cjs', '// another runner');
    await remember();
    await workspace.write('pnpm-lock.yaml', lockfile(['inner@1.0.0', 'outer@2.0.0']).replace('AAAA', 'BBBB'));
    await remember();
    expect(keys.size).toBe(4);
  });

  it('goes back to an environment that is still there without building it', async () => {
    await using workspace = await smallWorkspace();
    const [first] = (await workspace.install()).plugins;
    await workspace.change('second');
    await workspace.install();
    await workspace.change('first');
    expect((await workspace.install()).plugins[0]).toMatchObject({ status: 'activated', key: first?.key });
    expect(await loadCurrent(workspace)).toBe('innerfirst');
  });

  it('keeps the last three', async () => {
    await using workspace = await smallWorkspace();
    const folders: string[] = [];
    for (const text of ['a', 'b', 'c', 'd', 'e']) {
      await workspace.change(text);
      await workspace.install();
      folders.push((await current(workspace)) ?? '');
    }
    expect((await environments(workspace)).toSorted()).toEqual(folders.slice(2).toSorted());
    expect(await readdir(join(workspace.pluginsDir, '.staging'))).toEqual([]);
  });

  it('builds nothing with --frozen, and fails when something would have to be built', async () => {
    await using workspace = await smallWorkspace();
    const missing = await workspace.install('--frozen');
    expect(missing.failures).toMatchObject([
      { plugin: 'alpha', message: expect.stringContaining('--frozen: expected') },
    ]);
    await expect(stat(workspace.pluginsDir)).rejects.toThrow('ENOENT');
    await workspace.install();
    expect((await workspace.install('--frozen')).plugins).toMatchObject([{ status: 'current' }]);
    await workspace.change('second');
    expect((await workspace.install('--frozen')).failures).toHaveLength(1);
  });

  it('never makes an environment current whose entry does not load', async () => {
    await using workspace = await smallWorkspace();
    await workspace.install();
    const before = await current(workspace);
    await workspace.write('plugins/alpha/dist/index.js', `import 'not-there';\n`);
    expect((await workspace.install()).failures[0]?.message).toContain("Cannot find package 'not-there'");
    expect(await current(workspace)).toBe(before);
    expect(await environments(workspace)).toEqual([before]);
  });

  it('says what is missing and what to do', async () => {
    await using workspace = await smallWorkspace();
    const failure = async (): Promise<string | undefined> => (await workspace.install()).failures[0]?.message;
    await workspace.write('plugins/alpha/package.json', packageJson('0.2.0'));
    expect(await failure()).toContain('plugin.yaml says version 0.1.0 and package.json 0.2.0');
    await workspace.write('plugins/alpha/package.json', packageJson('0.1.0').replace('2.0.0', '3.0.0'));
    expect(await failure()).toContain('dependency outer: expected 3.0.0, installed is 2.0.0');
    await workspace.write('plugins/alpha/package.json', packageJson('0.1.0'));
    await workspace.write('pnpm-lock.yaml', lockfile(['outer@2.0.0']));
    expect(await failure()).toContain('dependency inner@1.0.0: expected it with a sha512 integrity');
    await rm(join(workspace.root, 'plugins', 'alpha', 'dist'), { recursive: true });
    expect(await failure()).toContain('build first');
    await workspace.write('plugins/alpha/plugin.yaml', 'id: ../evil\nversion: 0.1.0\n');
    expect(await failure()).toContain('expected a name such as dev.example.my-plugin');
  });

  it('refuses a dependency with a link that points out of the environment', async () => {
    await using workspace = await smallWorkspace();
    const inner = join(workspace.root, 'node_modules', '.pnpm', 'inner@1.0.0', 'node_modules', 'inner');
    await symlink('/etc/hostname', join(inner, 'out'));
    expect((await workspace.install()).failures[0]?.message).toContain('points out of the environment');
  });

  it('is safe when several run at once', async () => {
    await using workspace = await smallWorkspace();
    for (const text of ['a', 'b', 'c']) {
      await workspace.change(text);
      const reports = await Promise.all([1, 2, 3, 4].map(() => workspace.install()));
      for (const report of reports) expect(report.failures).toEqual([]);
      expect(await loadCurrent(workspace)).toBe(`inner${text}`);
    }
    expect(await environments(workspace)).toHaveLength(3);
    expect(await readdir(join(workspace.pluginsDir, '.staging'))).toEqual([]);
  });

  it('leaves the old environment or the new one when it is killed, and cleans up the next time', async () => {
    await using workspace = await smallWorkspace();
    await workspace.install();
    let old = 'first';
    for (let round = 0; round < 12; round += 1) {
      const fresh = `round ${String(round)}`;
      await workspace.change(fresh);
      const args = [INSTALLER, '--root', workspace.root, '--plugins-dir', workspace.pluginsDir];
      const child = spawn(process.execPath, args, { stdio: 'ignore' });
      const exited = once(child, 'exit');
      // Spread over the whole run, so that each round meets another step.
      await Promise.race([delay(25 + round * 10), exited]);
      child.kill('SIGKILL');
      await exited;
      const loaded = await loadCurrent(workspace);
      expect([`inner${old}`, `inner${fresh}`]).toContain(loaded);
      old = loaded.slice('inner'.length);
    }
    await workspace.install();
    expect(await loadCurrent(workspace)).toBe('innerround 11');
    expect(await readdir(join(workspace.pluginsDir, '.staging'))).toEqual([]);
  });

  it('leaves alone what a living process stages, and removes what a dead one left', async () => {
    await using workspace = await smallWorkspace();
    const staging = join(workspace.pluginsDir, '.staging');
    await mkdir(staging, { recursive: true });
    const dead = spawn(process.execPath, ['--eval', '0'], { stdio: 'ignore' });
    await once(dead, 'exit');
    await writeFile(join(staging, `${String(process.pid)}-mine`), '');
    await writeFile(join(staging, `${String(dead.pid)}-left`), '');
    await workspace.install();
    expect(await readdir(staging)).toEqual([`${String(process.pid)}-mine`]);
  });
});
