import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import {
  createServer as createHttp,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createCertificate } from '@bulkhead/proto/handshake';
import { InvokeRequest, InvokeResponse } from '@bulkhead/proto/plugin';
import { HOOKS, decodePayload, encodePayload, parsePayload } from '@bulkhead/proto/rules';
import { build } from 'esbuild';
import { systemClock } from '../../host/clock.js';
import type { WallKind } from '../../host/sidecar/command-line.js';
import { createLauncher } from '../../host/sidecar/launch.js';
import { LogTape, describeLaunch, wallOf, declaring } from '../../host/sidecar/launch.test-support.js';
import type { Sidecar } from '../../host/sidecar/sidecar.js';
import { buildRunner } from '../../sdk/build.mjs';

/** A machine of a developer's may have none; in CI there is one. */
export const HAS_REDIS =
  process.env['CI'] !== undefined || spawnSync('redis-server', ['--version']).error === undefined;

/** This Node, or this Node without what only newer ones have. */
export type NodeAge = 'today’s' | 'an older';

const OLDER = 'older.cjs';
/** Another Node, for trying the plugin's side on it: `BULKHEAD_TEST_NODE=/path/to/node npm test -- test/egress`. */
const NODE = process.env['BULKHEAD_TEST_NODE'] ?? process.execPath;

/** A package directory with the traveller in it, bundled with all that it needs, and the runner. */
export class Package {
  readonly directory: string;
  /** A certificate for localhost, which the plugin trusts. */
  readonly certificate = createCertificate();

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async build(): Promise<Package> {
    const made = new Package(await realpath(await mkdtemp(join(tmpdir(), 'bh-traveller-'))));
    await buildRunner(join(made.directory, 'runner.cjs'));
    await build({
      entryPoints: [join(import.meta.dirname, 'fixtures', 'traveller.ts')],
      outfile: join(made.directory, 'index.mjs'),
      bundle: true,
      platform: 'node',
      format: 'esm',
      banner: {
        js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
      },
      logLevel: 'warning',
    });
    await writeFile(join(made.directory, 'ca.pem'), made.certificate.certPem);
    await writeFile(join(made.directory, OLDER), `delete require('node:http').setGlobalProxyFromEnv;\n`);
    return made;
  }

  async remove(): Promise<void> {
    await rm(this.directory, { recursive: true });
  }
}

export interface Grant {
  readonly network?: readonly string[];
  readonly networkPrivate?: readonly string[];
}

/** One started plugin, its host's log, and what else a test started. */
export class Journey implements AsyncDisposable {
  readonly tape = new LogTape();
  readonly #closers: (() => unknown)[] = [];

  /** Runs at the end, last first. */
  atEnd(close: () => unknown): void {
    this.#closers.push(close);
  }

  async start(from: Package, wall: WallKind, grant: Grant, age: NodeAge = 'today’s'): Promise<Traveller> {
    const inPackage = (file: string): string => join(from.directory, file);
    const flags = age === 'an older' ? ['--require', inPackage(OLDER)] : [];
    const runDir = await realpath(await mkdtemp(join(tmpdir(), 'bh-run-')));
    this.atEnd(() => rm(runDir, { recursive: true }));
    const launch = createLauncher({
      log: this.tape.log,
      clock: systemClock,
      runDir,
      hostVersion: '0.1.0',
      hostMethods: [],
      daemonEnv: { PATH: process.env['PATH'] },
      wall: () => wallOf(wall),
    });
    const sidecar = await launch(
      describeLaunch({
        command: [NODE, ...flags, inPackage('runner.cjs'), inPackage('index.mjs')],
        cwd: from.directory,
        env: { NODE_EXTRA_CA_CERTS: join(from.directory, 'ca.pem') },
        manifestJson: JSON.stringify({ hooks: ['tool_pre_invoke'] }),
        declared: declaring('tool_pre_invoke'),
        reach: { network: grant.network ?? [], filesystem: [], subprocess: false },
        networkPrivate: grant.networkPrivate ?? [],
        callTimeoutMs: 20_000,
      }),
    );
    this.atEnd(() => sidecar.kill('the test is over'));
    return new Traveller(sidecar);
  }

  /** Answers every request with its method, path and the length of its body. */
  async httpServer(certificate?: Package['certificate']): Promise<number> {
    const answer = (request: IncomingMessage, response: ServerResponse): void => {
      void text(request).then((body) => {
        response.end(JSON.stringify({ method: request.method, path: request.url, bytes: body.length }));
      });
    };
    const server =
      certificate === undefined
        ? createHttp(answer)
        : createHttps({ cert: certificate.certPem, key: certificate.keyPem }, answer);
    return this.#listen(server);
  }

  /** A server that takes requests and never answers; resolves its `asked` at the first, its `ended` when that one's connection ends. */
  async silentServer(): Promise<{
    readonly port: number;
    readonly asked: Promise<void>;
    readonly ended: Promise<void>;
  }> {
    const asked = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    const server = createHttp((request) => {
      request.socket.once('close', () => {
        ended.resolve();
      });
      asked.resolve();
    });
    return { port: await this.#listen(server), asked: asked.promise, ended: ended.promise };
  }

  /** A real Redis server. */
  async redis(): Promise<number> {
    const directory = await mkdtemp(join(tmpdir(), 'bh-redis-'));
    this.atEnd(() => rm(directory, { recursive: true }));
    const port = await freePort();
    const args = [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--appendonly',
      'no',
      '--dir',
      directory,
    ];
    const server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.atEnd(() => end(server));
    await said(server, 'Ready to accept connections');
    return port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }

  async #listen(server: Server): Promise<number> {
    const sockets = new Set<Socket>();
    server.on('connection', (socket: Socket) => sockets.add(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.atEnd(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return (server.address() as AddressInfo).port;
  }
}

/** The plugin that travels where it is told. */
export class Traveller {
  readonly sidecar: Sidecar;

  constructor(sidecar: Sidecar) {
    this.sidecar = sidecar;
  }

  /** What came of it; a failure is `{failed, code}`. */
  async travel(kind: string, where: object = {}, signal?: AbortSignal): Promise<unknown> {
    const spec = HOOKS.tool_pre_invoke;
    const request = InvokeRequest.fromPartial({
      hook: 'tool_pre_invoke',
      payload: encodePayload(spec, parsePayload(spec, { name: 'travel', args: { kind, ...where } })),
      context: { requestId: 'r1' },
    });
    const body = await this.sidecar.call(
      '/bulkhead.plugin.v1.HookService/Invoke',
      InvokeRequest.encode(request).finish(),
      signal === undefined ? {} : { signal },
    );
    const response = InvokeResponse.decode(body);
    const { args } = decodePayload(spec, response.payload, response.changed) as {
      args?: { answer?: string };
    };
    const given: unknown = JSON.parse(JSON.stringify(args ?? {}));
    return JSON.parse((given as { answer: string }).answer);
  }
}

async function freePort(): Promise<number> {
  const server = createHttp();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function said(child: ChildProcess, words: string): Promise<void> {
  const ended = once(child, 'exit').then(() => {
    throw new Error(`${child.spawnfile} ended before it said '${words}'`);
  });
  const heard = new Promise<void>((resolve) => {
    let output = '';
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
      if (output.includes(words)) resolve();
    });
  });
  await Promise.race([heard, ended]);
  ended.catch(() => {});
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
