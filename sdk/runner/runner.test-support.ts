import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { Client, credentials, type ChannelCredentials } from '@grpc/grpc-js';
import {
  certificatePem,
  parseHandshakeLine,
  type Certificate,
  type HandshakeLine,
} from '@bulkhead/proto/handshake';
import { rawUnary, serviceErrorToError } from '@bulkhead/proto/link';
import { InitializeRequest, InvokeRequest } from '@bulkhead/proto/plugin';
import { HOOKS, encodePayload, parsePayload } from '@bulkhead/proto/rules';
import { buildRunner } from '../build.mjs';

export const COOKIE = { BULKHEAD_PLUGIN: 'v1' };

export interface PluginProcess {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  stdout(): string;
  stderr(): string;
  /** Resolves when stderr holds the text. */
  seen(text: string): Promise<void>;
  /** The parsed first line of stdout. */
  handshake(): Promise<HandshakeLine>;
}

/** Everything that a test started, so that nothing of it is left. */
export class Workshop {
  readonly directory = mkdtempSync(join(tmpdir(), 'sdk-'));
  readonly runner = join(this.directory, 'bin.cjs');
  readonly #processes: PluginProcess[] = [];
  readonly #clients: Client[] = [];

  async build(): Promise<void> {
    await buildRunner(this.runner);
  }

  start(fixture: string, env: Readonly<Record<string, string>> = COOKIE): PluginProcess {
    const entry = fileURLToPath(new URL(`../fixtures/${fixture}`, import.meta.url));
    const child = spawn(process.execPath, [this.runner, entry], {
      env: { PATH: process.env['PATH'], PLUGIN_UNIX_SOCKET_DIR: this.directory, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const started = observe(child);
    this.#processes.push(started);
    return started;
  }

  connect(line: HandshakeLine, channel: ChannelCredentials = credentials.createInsecure()): Client {
    const target = line.network === 'unix' ? `unix:${line.address}` : line.address;
    const client = new Client(target, channel, { 'grpc.ssl_target_name_override': 'localhost' });
    this.#clients.push(client);
    return client;
  }

  async endProcesses(): Promise<void> {
    for (const client of this.#clients.splice(0)) client.close();
    for (const { child, exited } of this.#processes.splice(0)) {
      child.kill('SIGKILL');
      await exited;
    }
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function observe(child: ChildProcessByStdio<Writable, Readable, Readable>): PluginProcess {
  let stdout = '';
  let stderr = '';
  const watchers = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    for (const watcher of watchers) watcher();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    for (const watcher of watchers) watcher();
  });
  // A process that is gone does not read on.
  child.stdin.on('error', () => {});
  const until = (holds: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const watcher = (): void => {
        if (!holds()) return;
        watchers.delete(watcher);
        resolve();
      };
      watchers.add(watcher);
      watcher();
    });
  const exited = once(child, 'close').then(() => ({ code: child.exitCode, signal: child.signalCode }));
  return {
    child,
    exited,
    stdout: () => stdout,
    stderr: () => stderr,
    seen: (text) => until(() => stderr.includes(text)),
    async handshake() {
      const ended = exited.then(() => {
        throw new Error(`the process ended: ${stderr}`);
      });
      await Promise.race([until(() => stdout.includes('\n')), ended]);
      return parseHandshakeLine(stdout.slice(0, stdout.indexOf('\n')));
    },
  };
}

/** One unary call, bytes in, bytes out; fails as the host sees it fail. */
export function call(
  client: Client,
  path: string,
  body: Uint8Array,
  deadlineMs = 10_000,
): Promise<Uint8Array> {
  const method = rawUnary(path);
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      path,
      method.requestSerialize,
      method.responseDeserialize,
      body,
      { deadline: Date.now() + deadlineMs },
      (error, answer) => {
        if (error !== null) reject(serviceErrorToError(error));
        else resolve(answer ?? new Uint8Array(0));
      },
    );
  });
}

export const INVOKE = '/bulkhead.plugin.v1.HookService/Invoke';

export function initializeBody(
  config: object = {},
  hooks = ['tool_pre_invoke', 'tool_post_invoke'],
): Uint8Array {
  return InitializeRequest.encode(
    InitializeRequest.fromPartial({
      name: 'behaviours',
      id: 'com.example.behaviours',
      version: '1.0.0',
      manifestJson: JSON.stringify({ hooks }),
      configJson: JSON.stringify(config),
      logLevel: 'debug',
      limits: { maxInFlight: 64, timeoutMs: 0, maxMessageBytes: 4 * 1024 * 1024 },
    }),
  ).finish();
}

/** A call of tool_pre_invoke; the fixture does what the tool's name says. */
export function invokeBody(name: string, args: object = {}): Uint8Array {
  const spec = HOOKS.tool_pre_invoke;
  return InvokeRequest.encode(
    InvokeRequest.fromPartial({
      hook: 'tool_pre_invoke',
      payload: encodePayload(spec, parsePayload(spec, { name, args })),
      context: { requestId: 'r1' },
    }),
  ).finish();
}

/** Credentials of a host that trusts exactly the certificate in the plugin's handshake. */
export function hostCredentials(line: HandshakeLine, own: Certificate): ChannelCredentials {
  if (line.certificateDer === undefined) throw new Error('the plugin announced no certificate');
  return credentials.createSsl(
    Buffer.from(certificatePem(line.certificateDer)),
    Buffer.from(own.keyPem),
    Buffer.from(own.certPem),
  );
}
