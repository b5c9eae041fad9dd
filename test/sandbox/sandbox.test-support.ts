import { spawn, type ChildProcess } from 'node:child_process';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { createHost, type Host } from '@bulkhead/host';
import { DEFAULT_PLUGIN_UIDS } from '../../host/config/plugin-uids.js';
import { findRunAs } from '../../host/sidecar/own-user/run-as.js';
import { findClosed } from '../../host/sidecar/own-user/way.js';
import { probeSandbox } from '../../host/sidecar/wall/probe-sandbox.js';

const HOSTILE = join(import.meta.dirname, '../fixtures/plugins/hostile');
const NOOP = join(import.meta.dirname, '../fixtures/plugins/noop');

const probe = await probeSandbox({ platform: process.platform, arch: process.arch, node: process.execPath });
if (probe.kind !== 'works' && process.env['CI'] !== undefined)
  throw new Error(`no sandbox to test in: ${probe.found}`);

/** The walls that this machine has; in CI both. */
export const WALLS = probe.kind === 'works' ? (['strict', 'basic'] as const) : (['basic'] as const);

const { first, count } = DEFAULT_PLUGIN_UIDS;
const found = await findRunAs({
  platform: process.platform,
  uid: process.geteuid?.(),
  first,
  count,
});
const closed =
  found.kind === 'works'
    ? await findClosed(
        [process.execPath, HOSTILE].map((path) => ({ path, access: 'r' }) as const),
        first,
        found.runAs,
      )
    : undefined;
/** Why plugins can have no users of their own here. */
export const NO_OWN_USERS =
  found.kind === 'works' ? closed && `${closed} is closed to other users` : found.found;
export const RUN_AS = found.kind === 'works' && closed === undefined ? found.runAs : undefined;
if (NO_OWN_USERS !== undefined && process.env['CI'] !== undefined && process.geteuid?.() === 0)
  throw new Error(`no users to test with: ${NO_OWN_USERS}`);

export type Outcome = { readonly got: unknown } | { readonly refused: string };

/** A host with the hostile plugin and a harmless neighbour, and things of the machine's that should be out of reach. */
export class Scene {
  readonly folder: string;
  readonly host: Host;
  /** Stands for the host: same user, with a secret in its environment. */
  readonly bystander: ChildProcess;
  readonly #servers: readonly (Server | UdpSocket)[];
  readonly tcp: number;
  readonly udp: number;
  readonly abstract: string;

  private constructor(
    parts: Pick<Scene, 'folder' | 'host' | 'bystander' | 'tcp' | 'udp' | 'abstract'>,
    servers: readonly (Server | UdpSocket)[],
  ) {
    this.folder = parts.folder;
    this.host = parts.host;
    this.bystander = parts.bystander;
    this.tcp = parts.tcp;
    this.udp = parts.udp;
    this.abstract = parts.abstract;
    this.#servers = servers;
  }

  /** @param own whether plugins are to have users of their own; else they run as the host's */
  static async open(sandbox: string, settings: object = {}, own = false): Promise<Scene> {
    // Not in /tmp: a sandbox has its own, and what it writes there proves nothing.
    const folder = await mkdtemp('/var/tmp/bh-hostile-');
    await writeFile(join(folder, 'secret'), 'a secret', { mode: 0o600 });
    if (own) await chmod(folder, 0o711);
    const bystander = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', 'the-host-itself'], {
      env: { HOSTILE_CANARY: 'secret' },
      stdio: 'ignore',
    });
    await once(bystander, 'spawn');
    const http = createHttpServer((_request, response) => response.end('reached'));
    const udp = createSocket('udp4', (message, { port, address }) => udp.send(message, port, address));
    const abstract = createServer((socket) => socket.destroy());
    const name = `bh-hostile-${process.pid}-${sandbox}`;
    http.listen(0, '127.0.0.1');
    udp.bind(0, '127.0.0.1');
    abstract.listen(`\0${name}`);
    await Promise.all([http, udp, abstract].map((server) => once(server, 'listening')));
    const host = await createHost(
      {
        environment: 'development',
        host: { data_dir: join(folder, 'data'), sandbox, plugin_uids: { use: own ? 'always' : 'never' } },
        log: { level: 'silent' },
        plugins: {
          hostile: {
            plugin: HOSTILE,
            grants: { subprocess: false },
            on_error: 'ignore',
            timeout_ms: 20_000,
            ...settings,
          },
          neighbour: { plugin: NOOP },
        },
      },
      { baseDirectory: folder },
    );
    await host.start();
    const tcp = (http.address() as AddressInfo).port;
    return new Scene({ folder, host, bystander, tcp, udp: udp.address().port, abstract: name }, [
      http,
      udp,
      abstract,
    ]);
  }

  /** What came of an attempt. */
  async attempt(attempt: string, target: object = {}): Promise<Outcome> {
    const { payload, records } = await this.host.invoke('tool_pre_invoke', {
      name: 'x',
      args: { attempt, ...target },
    });
    const args = JSON.parse(JSON.stringify(payload.args)) as { outcome?: Outcome };
    if (args.outcome === undefined) throw new Error(`no answer: ${JSON.stringify(records)}`);
    return args.outcome;
  }

  /** The host's socket for the neighbour, on which whoever calls is the neighbour. */
  async neighbourSocket(): Promise<string> {
    const own = await this.attempt('own-directory');
    const run = join(this.folder, 'data', 'run');
    const directories = readdirSync(run, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    const other = directories
      .map(({ name }) => join(run, name))
      .find((path) => !('got' in own) || !String(own.got).startsWith(path));
    return join(other ?? '', 'host.sock');
  }

  /** The code of the hostile plugin's next failure. */
  failure(): Promise<string> {
    return new Promise((resolve) => {
      const end = this.host.subscribe((event) => {
        if (event.kind !== 'state' || event.plugin !== 'hostile' || event.to.kind !== 'failed') return;
        end();
        resolve(`${event.to.failure.code}: ${event.to.failure.message}`);
      });
    });
  }

  async close(): Promise<void> {
    await this.host.stop();
    for (const server of this.#servers) server.close();
    this.bystander.kill('SIGKILL');
    await once(this.bystander, 'exit');
    await rm(this.folder, { recursive: true });
  }
}
