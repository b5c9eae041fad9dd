import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isBulkheadError } from '@bulkhead/proto';
import type { Wall } from '../command-line.js';
import { fixture, Harness, pluginProcesses, wallOf, WALLS } from '../launch.test-support.js';
import type { LauncherOptions } from '../launch.js';
import type { LaunchDescription, Reach, Sidecar } from '../sidecar.js';
import { findLinkedPackages } from './linked-packages.js';
import { openWall } from './open-wall.js';

const NOTHING: Reach = { network: [], filesystem: [], subprocess: false };
const code = (error: unknown): string => (isBulkheadError(error) ? error.code : String(error));

/** Evaluates a function body in the plugin; what it returns comes back, an error as its code. */
async function inside(sidecar: Sidecar, body: string): Promise<unknown> {
  const answer = await sidecar.call('/test.Echo/Evaluate', Buffer.from(body));
  return JSON.parse(Buffer.from(answer).toString()) as unknown;
}

describe.runIf(WALLS.includes('strict'))('behind the strict wall', () => {
  let harness: Harness;
  let folder: string;
  beforeEach(() => {
    harness = new Harness('strict');
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'bh-wall-')));
  });
  afterEach(async () => {
    await harness.close();
    rmSync(folder, { recursive: true });
  });
  const start = (change: Partial<LaunchDescription> = {}): Promise<Sidecar> =>
    harness.plugin('', { reach: NOTHING, ...change });

  test('only what was bound is there, and nothing of it can be written but its own directories', async () => {
    const dataDir = join(folder, 'data');
    mkdirSync(dataDir);
    const sidecar = await start({ dataDir });
    expect(await inside(sidecar, "return fs.readdirSync('/etc').sort()")).toEqual(['passwd', 'ssl']);
    expect(
      await inside(sidecar, "return fs.readFileSync('/etc/passwd', 'utf8').trim().split('\\n').length"),
    ).toBe(1);
    expect(await inside(sidecar, "return fs.existsSync('/usr/bin/sh') || fs.existsSync('/bin/sh')")).toBe(
      false,
    );
    for (const path of ['/x', '/etc/x', '/dev/shm/x', '/usr/x', fixture('x')]) {
      expect([path, await inside(sidecar, `fs.writeFileSync(${JSON.stringify(path)}, 'x')`)]).toEqual([
        path,
        'EROFS',
      ]);
    }
    for (const path of ['/tmp/x', join(dataDir, 'x')]) {
      expect(await inside(sidecar, `fs.writeFileSync(${JSON.stringify(path)}, 'x'); return 'written'`)).toBe(
        'written',
      );
    }
    expect(await inside(sidecar, "fs.writeFileSync(process.env.TMPDIR + '/x', 'x'); return 'written'")).toBe(
      'written',
    );
    expect(await inside(sidecar, "fs.writeFileSync('/tmp/large', Buffer.alloc(80 * 1024 * 1024))")).toBe(
      'ENOSPC',
    );
  });

  test('it is alone: its own processes, its own user, no session and no terminal of the host', async () => {
    const sidecar = await start();
    const seen = await inside(
      sidecar,
      "return { pids: fs.readdirSync('/proc').filter(Number).map(Number), user: os.userInfo().username, uid: process.getuid(), host: os.hostname(), home: os.homedir() === process.env.HOME }",
    );
    expect(seen).toEqual({ pids: [1, 2], user: 'plugin', uid: 65_534, host: 'plugin', home: true });
    expect(
      await inside(sidecar, "return /^CapEff:\\s*0+$/m.test(fs.readFileSync('/proc/self/status', 'utf8'))"),
    ).toBe(true);
    expect(
      await inside(
        sidecar,
        "return /^NoNewPrivs:\\s*1$/m.test(fs.readFileSync('/proc/self/status', 'utf8'))",
      ),
    ).toBe(true);
    expect(
      await inside(sidecar, "return /^Seccomp:\\s*2$/m.test(fs.readFileSync('/proc/self/status', 'utf8'))"),
    ).toBe(true);
    expect(await inside(sidecar, "fs.openSync('/dev/tty', 'r')")).toBe('ENXIO');
  });

  test('no descriptor but 0, 1 and 2 comes with it', async () => {
    const sidecar = await start({
      // Listed before anything of Node's own could hide one: the first line of the program.
      command: [process.execPath, '--import', DESCRIPTORS, fixture('raw-plugin.mjs')],
    });
    const listed = (await inside(sidecar, 'return globalThis.descriptorsAtStart')) as readonly string[];
    const inherited = listed.filter((link) => !/^(?:anon_inode|\/dev\/null|\/proc\/)/.test(link));
    expect(inherited.filter((link) => link.startsWith('/'))).toEqual([]);
    expect(inherited.filter((link) => link.startsWith('socket:'))).toHaveLength(3);
  });

  test('processes only with subprocess, threads always', async () => {
    const spawn =
      "return await new Promise((done) => child.spawn(process.execPath, ['-e', '0']).on('error', (e) => done(e.code)).on('exit', done))";
    const worker =
      "return await new Promise((done) => new worker.Worker('0', { eval: true }).on('exit', done))";
    const without = await start();
    expect([await inside(without, spawn), await inside(without, worker)]).toEqual(['EPERM', 0]);
    const granted = await start({ reach: { ...NOTHING, subprocess: true } });
    expect([await inside(granted, spawn), await inside(granted, worker)]).toEqual([0, 0]);
  });

  test('a granted path is there as it was granted, and what is not granted is not', async () => {
    for (const name of ['ro', 'rw', 'other']) {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, 'file'), name);
    }
    const sidecar = await start({
      reach: {
        ...NOTHING,
        filesystem: [
          { path: join(folder, 'ro'), access: 'ro' },
          { path: join(folder, 'rw'), access: 'rw' },
        ],
      },
    });
    const tried = await inside(
      sidecar,
      `return ['ro', 'rw', 'other'].map((name) => {
      const file = ${JSON.stringify(folder)} + '/' + name + '/file';
      const attempt = (what) => { try { what(); return 'ok'; } catch (error) { return error.code; } };
      return [attempt(() => fs.readFileSync(file)), attempt(() => fs.writeFileSync(file, 'x'))];
    })`,
    );
    expect(tried).toEqual([
      ['ok', 'EROFS'],
      ['ok', 'ok'],
      ['ENOENT', 'ENOENT'],
    ]);
  });

  test.each(['/', '/proc', '/dev', '/tmp', '/sys/fs'])('%s is granted to nobody', async (path) => {
    const reach: Reach = { ...NOTHING, filesystem: [{ path, access: 'ro' }] };
    expect(await start({ reach }).then(String, code)).toBe('SANDBOX_UNAVAILABLE');
  });

  test('a granted path that is not there is said', async () => {
    const reach: Reach = { ...NOTHING, filesystem: [{ path: join(folder, 'gone'), access: 'ro' }] };
    await expect(start({ reach })).rejects.toThrow(/gone cannot be put into the sandbox: it does not exist/);
  });

  test('a grant around the host’s own directory does not open it, and one inside is refused', async () => {
    const closed = join(folder, 'host');
    mkdirSync(join(closed, 'run'), { recursive: true });
    writeFileSync(join(closed, 'secret'), 'x');
    const { wall } = await openWall({
      setting: 'strict',
      environment: 'test',
      platform: process.platform,
      arch: process.arch,
      node: process.execPath,
      closed: [closed],
    });
    const options = { wall: () => Promise.resolve(wall), runDir: join(closed, 'run') };
    const reach = (path: string): Reach => ({ ...NOTHING, filesystem: [{ path, access: 'rw' }] });
    const sidecar = await harness.start({ env: { FIXTURE: '' }, reach: reach(folder) }, options);
    expect(await inside(sidecar, `return fs.readdirSync(${JSON.stringify(closed)})`)).toEqual(['run']);
    expect(
      await inside(sidecar, `return fs.readdirSync(${JSON.stringify(join(closed, 'run'))}).length`),
    ).toBe(1);
    expect(await inside(sidecar, `fs.writeFileSync(${JSON.stringify(join(closed, 'x'))}, 'x')`)).toBe(
      'EROFS',
    );
    expect(await harness.start({ reach: reach(join(closed, 'run')) }, options).then(String, code)).toBe(
      'SANDBOX_UNAVAILABLE',
    );
    await sidecar.stop('done');
  });

  describe('somebody who may write beside the package', () => {
    let plugin: string;
    const swap = (): void => {
      renameSync(plugin, `${plugin}-verified`);
      mkdirSync(plugin);
      writeFileSync(join(plugin, 'index.mjs'), "throw new Error('swapped')");
    };
    const launch = (options: Partial<LauncherOptions>): Promise<Sidecar> =>
      harness.start(
        {
          env: { FIXTURE: '' },
          cwd: plugin,
          command: [process.execPath, join(plugin, 'index.mjs')],
          readOnlyPaths: [join(fixture(''), '..', '..', '..')],
        },
        options,
      );
    beforeEach(() => {
      plugin = join(folder, 'plugin');
      mkdirSync(plugin);
      const code = `await import(${JSON.stringify(fixture('raw-plugin.mjs'))}); globalThis.version = 'verified';`;
      writeFileSync(join(plugin, 'index.mjs'), code);
    });

    test('swaps it after it was verified: what was verified runs', async () => {
      const wall = await wallOf('strict');
      const swapping: Wall = {
        ...wall,
        async enclose(description, place) {
          const commandLine = await wall.enclose(description, place);
          swap();
          return commandLine;
        },
      };
      const sidecar = await launch({ wall: () => Promise.resolve(swapping) });
      expect(await inside(sidecar, 'return globalThis.version')).toBe('verified');
    });

    test('swaps it while it is verified: nothing runs', async () => {
      const verify = (): Promise<void> => {
        swap();
        return Promise.resolve();
      };
      expect(await launch({ verify }).then(String, code)).toBe('FILE_CHANGED');
    });
  });

  test('a package that does not verify does not run, and leaves nothing', async () => {
    const refused = harness.start({}, { verify: () => Promise.reject(new Error('changed')) });
    await expect(refused).rejects.toThrow('changed');
    expect(pluginProcesses(harness.runDir)).toEqual([]);
  });

  test('a program that is not Node gets the system’s folders', async () => {
    const started = harness.start({
      command: ['sh', '-c', 'echo not a plugin; exec sleep 20'],
      runtime: 'other',
    });
    await expect(started).rejects.toThrow(/not a plugin/);
  });

  test('another plugin’s sockets are not there, and an abstract socket of the host is out of reach', async () => {
    const other = await start({ name: 'other' });
    const sidecar = await start();
    const [{ hostSocket }] = [
      (await inside(other, 'return { hostSocket: process.env.BULKHEAD_HOST_SOCKET }')) as {
        hostSocket: string;
      },
    ];
    const server: Server = createServer().listen(`\0bh-${process.pid}`);
    await once(server, 'listening');
    const dial = (path: string): string =>
      `return await new Promise((done) => net.connect({ path: ${JSON.stringify(path)} }).on('connect', () => done('connected')).on('error', (error) => done(error.code)))`;
    expect(await inside(other, dial(hostSocket))).toBe('connected');
    expect(await inside(sidecar, dial(hostSocket))).toBe('ENOENT');
    expect(await inside(sidecar, dial(`\0bh-${process.pid}`))).toBe('ECONNREFUSED');
    server.close();
  });
});

test('links out of a package are followed to packages, in pnpm’s layout too, and to nothing else', async () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'bh-links-')));
  const make = (path: string): string => {
    mkdirSync(join(folder, path), { recursive: true });
    writeFileSync(join(folder, path, 'package.json'), '{}');
    return join(folder, path);
  };
  const link = (from: string, to: string): void => {
    mkdirSync(join(folder, from, '..'), { recursive: true });
    symlinkSync(to, join(folder, from));
  };
  const root = make('plugin');
  const sdk = make('sdk');
  make('store/.pnpm/a@1/node_modules/a');
  make('store/.pnpm/b@1/node_modules/b');
  mkdirSync(join(folder, 'private'));
  link('plugin/node_modules/@scope/sdk', sdk);
  link('plugin/node_modules/inner', make('plugin/vendored'));
  link('plugin/node_modules/private', join(folder, 'private'));
  link('plugin/node_modules/gone', join(folder, 'gone'));
  link('sdk/node_modules/a', join(folder, 'store/.pnpm/a@1/node_modules/a'));
  link('store/.pnpm/a@1/node_modules/b', join(folder, 'store/.pnpm/b@1/node_modules/b'));
  link('store/.pnpm/b@1/node_modules/sdk', sdk);
  const found = await findLinkedPackages(root);
  expect([...found].sort()).toEqual([sdk, join(folder, 'store/.pnpm')]);
  rmSync(folder, { recursive: true });
});

const DESCRIPTORS = `data:text/javascript,${encodeURIComponent(
  "import fs from 'node:fs'; globalThis.descriptorsAtStart = fs.readdirSync('/proc/self/fd').map((fd) => { try { return fs.readlinkSync('/proc/self/fd/' + fd); } catch { return 'closed'; } }).filter((link) => link !== 'closed')",
)}`;
