import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { existsSync, lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createProgramLauncher } from '../launch-program.js';
import { describeLaunch, fixture, Harness, whoAmI, WALLS } from '../launch.test-support.js';
import { systemClock } from '../../clock.js';
import type { LaunchDescription, Sidecar } from '../sidecar.js';
import { sweepLeftovers } from '../sweep.js';
import { HostFolder, NO_OWN_USERS, RANGE } from './own-user.test-support.js';
import { processesOf } from './user-processes.js';

const KINDS = WALLS.filter((kind) => kind !== 'off');

describe.skipIf(NO_OWN_USERS !== undefined).each(KINDS)(
  'behind the wall %s, as a user of its own:',
  (kind) => {
    let at: HostFolder;
    let harness: Harness;
    beforeEach(() => {
      at = new HostFolder();
      harness = new Harness(kind);
    });
    afterEach(async () => {
      await harness.close();
      at.remove();
    });

    async function start(change: Partial<LaunchDescription> = {}, vices = ''): Promise<Sidecar> {
      const wall = await at.wall(kind);
      const dataDir = at.entry(change.name ?? 'probe');
      return harness.start(
        { ...change, dataDir, env: { FIXTURE: vices } },
        { runDir: at.runDir, wall: () => Promise.resolve(wall) },
      );
    }
    const evaluate = async (sidecar: Sidecar, code: string): Promise<unknown> =>
      JSON.parse(Buffer.from(await sidecar.call('/test.Echo/Evaluate', Buffer.from(code))).toString());
    const ownerOf = (pid: number): number => Number(/^Uid:\s*(\d+)/m.exec(status(pid))?.[1]);
    const status = (pid: number): string => readFileSync(`/proc/${pid}/status`, 'latin1');

    test('a plugin is nobody else, and speaks with the host both ways', async () => {
      const sidecar = await start({ mtls: true });
      const uid = lstatSync(at.entry('probe')).uid;
      expect(uid).toBeGreaterThanOrEqual(RANGE.first);
      expect(ownerOf(sidecar.pid)).toBe(uid);
      expect(status(sidecar.pid)).toMatch(/^Groups:\s*$/m);
      for (const path of ['CallHostOnSocket', 'CallHostOnLink']) {
        const answer = await sidecar.call(`/test.Echo/${path}`, Buffer.from('12345'));
        expect(JSON.parse(Buffer.from(answer).toString())).toEqual({ plugin: 'probe', bytes: 5 });
      }
      expect(whoAmI.path).toBe('/test.Host/WhoAmI');
      const written = await evaluate(
        sidecar,
        `for (const folder of [os.tmpdir(), ${JSON.stringify(at.entry('probe'))}]) fs.writeFileSync(folder + '/file', '');
       return process.env.HOME === os.tmpdir();`,
      );
      expect(written).toBe(true);
      expect(lstatSync(join(at.entry('probe'), 'file')).uid).toBe(uid);
      const [launch] = readdirSync(at.runDir).filter((name) => !name.endsWith('.json'));
      expect(lstatSync(join(at.runDir, launch ?? ''))).toMatchObject({ uid: 0, gid: uid, mode: 0o040710 });
      await sidecar.stop('the test is over');
      expect(readdirSync(at.runDir)).toEqual([]);
      expect(existsSync(join(at.entry('probe'), 'file'))).toBe(true);
    });

    test('the proxy of its network grant lets it in', async () => {
      const page = createServer((_request, response) => response.end('reached')).listen(0, '127.0.0.1');
      await once(page, 'listening');
      const address = page.address();
      const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
      const sidecar = await start({
        reach: { network: [`localhost:${port}`], filesystem: [], subprocess: false },
        networkPrivate: ['127.0.0.1', '::1'],
      });
      const answered = await evaluate(
        sidecar,
        `const socket = net.connect(process.env.BULKHEAD_EGRESS_SOCKET);
       socket.write('GET http://localhost:${port}/ HTTP/1.1\\r\\nhost: localhost:${port}\\r\\nconnection: close\\r\\n\\r\\n');
       let text = ''; for await (const chunk of socket) text += chunk;
       return text.split('\\r\\n')[0];`,
      );
      expect(answered).toBe('HTTP/1.1 200 OK');
      await sidecar.stop('the test is over');
      page.close();
      await once(page, 'close');
    });

    test('what it starts is held to its limit by the kernel, and everybody else goes on', async () => {
      const limits = { processes: 40, openFiles: 1_024 };
      const [sidecar, neighbour] = [
        await start({ limits, runtime: 'other' }),
        await start({ name: 'neighbour', limits, runtime: 'other' }),
      ];
      const refused = await evaluate(
        sidecar,
        `const { promise, resolve } = Promise.withResolvers();
       let started = 0;
       const next = () => {
         const one = child.spawn('sleep', ['60'], { stdio: 'ignore' });
         one.on('error', ({ code }) => resolve([started > 5, code]));
         one.on('spawn', () => { started += 1; if (started < 60) next(); else resolve([started]); });
       };
       next();
       return promise;`,
      );
      expect(refused).toEqual([true, 'EAGAIN']);
      expect(await evaluate(neighbour, "return child.spawnSync('true').status;")).toBe(0);
      expect(await evaluate(sidecar, 'return 1;')).toBe(1);
      const uid = ownerOf(sidecar.pid);
      await sidecar.stop('the test is over');
      expect(await processesOf(uid)).toEqual([]);
      await neighbour.stop('the test is over');
    });

    test('a program that the plugin contributes runs as the same user', async () => {
      const sidecar = await start();
      const wall = await at.wall(kind);
      expect(wall.users).toBeDefined();
      const launch = createProgramLauncher({
        log: harness.tape.log,
        clock: systemClock,
        runDir: at.runDir,
        daemonEnv: { PATH: process.env['PATH'] },
        wall: () => Promise.resolve(wall),
      });
      const uid = ownerOf(sidecar.pid);
      await sidecar.stop('its user is as good after a restart');
      const program = await launch(
        describeLaunch({
          dataDir: at.entry('probe'),
          command: [
            process.execPath,
            '-e',
            'console.log(process.getuid(), process.cwd()); process.stdin.resume()',
          ],
        }),
      );
      const lines = createInterface({ input: program.process.stdout });
      const [line] = (await once(lines, 'line')) as [string];
      expect(line).toBe(`${kind === 'strict' ? 65_534 : uid} ${fixture('').replace(/\/$/, '')}`);
      expect(ownerOf(program.process.pid)).toBe(uid);
      await program.life.kill('the test is over');
    });

    test.runIf(kind === 'basic')(
      'what a host that was killed left behind is found by its user, whatever it did to hide',
      async () => {
        const description = JSON.stringify(
          describeLaunch({
            dataDir: at.entry('probe'),
            env: { FIXTURE: 'no-lifeline,grandchild,escaped-grandchild' },
          }),
        );
        const users = { use: 'always', ...RANGE, dataDir: at.dataDir, pluginsDir: at.dataDir };
        const child = spawn(
          process.execPath,
          [fixture('doomed-host.mjs'), at.runDir, description, kind, JSON.stringify(users)],
          { stdio: ['ignore', 'pipe', 'inherit'] },
        );
        const lines = createInterface({ input: child.stdout });
        const [line] = (await once(lines, 'line')) as [string];
        lines.close();
        const { plugin } = JSON.parse(line) as { plugin: number };
        const uid = ownerOf(plugin);
        // It left the group, and there is nothing of the launch in its environment.
        const stray = spawn('setsid', ['sleep', '60'], { uid, gid: uid, env: { PATH: process.env['PATH'] } });
        await once(stray, 'spawn');
        expect(await sweepLeftovers(at.runDir)).toEqual({ killed: [], removed: [] });
        child.kill('SIGKILL');
        await once(child, 'exit');
        await expect.poll(() => processesOf(uid)).not.toContain(plugin);
        writeFileSync(join(at.entry('probe'), 'kept'), '');
        const { killed, removed } = await sweepLeftovers(at.runDir);
        expect(killed).toContain(stray.pid);
        expect(killed.length).toBeGreaterThanOrEqual(3);
        expect(removed).toHaveLength(1);
        expect(await processesOf(uid)).toEqual([]);
        expect(readdirSync(at.runDir)).toEqual([]);
        expect(existsSync(join(at.entry('probe'), 'kept'))).toBe(true);
      },
    );
  },
);

test.skipIf(NO_OWN_USERS !== undefined)(
  'a data directory behind a closed folder is refused in production, and said elsewhere',
  async () => {
    const at = new HostFolder();
    const { chmodSync } = await import('node:fs');
    chmodSync(at.folder, 0o700);
    await expect(at.wall('basic', 'auto', 'production')).rejects.toMatchObject({
      code: 'SANDBOX_UNAVAILABLE',
      message: expect.stringContaining(`lies in ${at.folder}`),
    });
    expect((await at.wall('basic', 'auto')).users?.exceptions()).toEqual([]);
    expect(lstatSync(at.dataDir).mode & 0o777).toBe(0o700);
    at.remove();
  },
);
