import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCertificate, type Certificate } from '@bulkhead/proto/handshake';
import { InvokeRequest, InvokeResponse } from '@bulkhead/proto/plugin';
import { HOOKS, decodePayload, encodePayload, parsePayload } from '@bulkhead/proto/rules';
import { build } from 'esbuild';
import { systemClock } from '../../host/clock.js';
import type { RemotePlugin, RemoteTls } from '../../host/config/remote-address.js';
import { createLauncher } from '../../host/sidecar/launch.js';
import { LogTape, describeLaunch, declaring } from '../../host/sidecar/launch.test-support.js';
import type { LaunchDescription, Sidecar } from '../../host/sidecar/sidecar.js';
import { buildRunner } from '../../sdk/build.mjs';

const YEAR_MS = 365 * 24 * 3_600_000;

/** Certificates, the runner and the greeter, in one folder. */
export class Workshop implements AsyncDisposable {
  readonly directory: string;
  readonly server = createCertificate();
  readonly host = createCertificate();
  readonly stranger = createCertificate();
  /** Its thirty years are over. */
  readonly expired = createCertificate(new Date(Date.now() - 31 * YEAR_MS));
  readonly tape = new LogTape();
  readonly #closers: (() => unknown)[] = [];

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async open(): Promise<Workshop> {
    const made = new Workshop(await realpath(await mkdtemp(join(tmpdir(), 'bh-remote-'))));
    await buildRunner(join(made.directory, 'runner.cjs'));
    await build({
      entryPoints: [join(import.meta.dirname, 'fixtures', 'greeter.mjs')],
      outfile: join(made.directory, 'greeter.mjs'),
      bundle: true,
      platform: 'node',
      format: 'esm',
      logLevel: 'warning',
    });
    for (const name of ['server', 'host', 'stranger', 'expired'] as const) {
      await writeFile(made.file(name, 'cert'), made[name].certPem);
      await writeFile(made.file(name, 'key'), made[name].keyPem);
    }
    return made;
  }

  file(name: string, kind: 'cert' | 'key'): string {
    return join(this.directory, `${name}.${kind}.pem`);
  }

  /** The host's files, and the server's certificate as the one that signs. */
  tls(change: Partial<RemoteTls> = {}): RemoteTls {
    const ca = change.fingerprint === undefined ? { ca: this.file('server', 'cert') } : {};
    return { ...ca, cert: this.file('host', 'cert'), key: this.file('host', 'key'), ...change };
  }

  /** Serves the greeter. @returns its port, and its process */
  async serve(flags: readonly string[], port = 0): Promise<Served> {
    const args = ['runner.cjs', 'greeter.mjs', '--listen', `127.0.0.1:${port}`, ...flags];
    const child = spawn(process.execPath, args, { cwd: this.directory, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#closers.push(() => end(child, 'SIGKILL'));
    const [, found] = await said(child, /serving on grpcs?:\/\/127\.0\.0\.1:(\d+)/);
    return {
      port: Number(found),
      end: (signal = 'SIGKILL') => end(child, signal),
      running: () => isRunning(child),
    };
  }

  /** Serves it with this certificate to hosts with that one. */
  serveSecurely(
    name: 'server' | 'stranger' | 'expired' = 'server',
    client = 'host',
    port = 0,
  ): Promise<Served> {
    const files = ['--cert', this.file(name, 'cert'), '--key', this.file(name, 'key')];
    return this.serve([...files, '--client-ca', this.file(client, 'cert')], port);
  }

  async connect(remote: RemotePlugin, change: Partial<LaunchDescription> = {}): Promise<Sidecar> {
    const launch = createLauncher({
      log: this.tape.log,
      clock: systemClock,
      runDir: join(this.directory, 'run'),
      hostVersion: '0.1.0',
      hostMethods: [],
      daemonEnv: {},
    });
    const sidecar = await launch(
      describeLaunch({
        manifestJson: '{"hooks":["tool_pre_invoke"]}',
        declared: declaring('tool_pre_invoke'),
        configJson: '{}',
        remote,
        ...change,
      }),
    );
    this.#closers.push(() => sidecar.kill('the test is over'));
    return sidecar;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
    await rm(this.directory, { recursive: true });
  }
}

export interface Served {
  readonly port: number;
  end(signal?: NodeJS.Signals): Promise<number | null>;
  running(): boolean;
}

export function at(host: string, port: number, tls?: RemoteTls): RemotePlugin {
  const address = `${tls === undefined ? 'grpc' : 'grpcs'}://${host}:${port}`;
  return { address, host, port, ...(tls === undefined ? {} : { tls }) };
}

export function fingerprintOf({ certDer }: Certificate): string {
  return createHash('sha256').update(certDer).digest('hex');
}

/** What the greeter makes of the call's arguments. */
export async function greet(sidecar: Sidecar, name = 'hi', text = ''): Promise<unknown> {
  const spec = HOOKS.tool_pre_invoke;
  const request = InvokeRequest.fromPartial({
    hook: 'tool_pre_invoke',
    payload: encodePayload(spec, parsePayload(spec, { name, args: { text } })),
    context: { requestId: 'r1' },
  });
  const body = await sidecar.call(
    '/bulkhead.plugin.v1.HookService/Invoke',
    InvokeRequest.encode(request).finish(),
  );
  const response = InvokeResponse.decode(body);
  const { args } = decodePayload(spec, response.payload, response.changed);
  return JSON.parse(JSON.stringify(args ?? null));
}

async function said(child: ChildProcess, words: RegExp): Promise<RegExpExecArray> {
  let errors = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    errors += chunk;
  });
  const ended = once(child, 'close').then(() => {
    throw new Error(`the plugin ended before it served: ${errors}`);
  });
  ended.catch(() => {});
  const heard = new Promise<RegExpExecArray>((resolve) => {
    let output = '';
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
      const found = words.exec(output);
      if (found !== null) resolve(found);
    });
  });
  return Promise.race([heard, ended]);
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (!isRunning(child)) return child.exitCode;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
  return child.exitCode;
}
