import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { createCertificate } from '@bulkhead/proto/handshake';
import { Link, errorToServiceError, rawUnary, type Frame } from '@bulkhead/proto/link';
import { BulkheadError } from '@bulkhead/proto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../runtime/clock.js';
import { HostConnection, type HostSocket } from './host-connection.js';

const PATH = '/bulkhead.host.v1.KvService/Set';
const SMALL = new Uint8Array(64 * 1024);
const LARGE = new Uint8Array(64 * 1024 + 1);
const hostCert = createCertificate();
const pluginCert = createCertificate();

let directory: string;
let server: Server | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sdk-host-'));
});
afterEach(() => {
  server?.forceShutdown();
  server = undefined;
  rmSync(directory, { recursive: true });
});

/** A host's socket that answers each call with `native`, or fails it. */
async function listen(credentials: ServerCredentials, fails?: BulkheadError): Promise<string> {
  const path = join(directory, 'host.sock');
  const started = new Server();
  server = started;
  started.addService(
    { set: rawUnary(PATH) },
    {
      set: (_call: unknown, done: (error: object | null, body?: Uint8Array) => void) => {
        if (fails === undefined) done(null, Buffer.from('native'));
        else done(errorToServiceError(fails));
      },
    },
  );
  await new Promise<void>((resolve, reject) => {
    started.bindAsync(`unix:${path}`, credentials, (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
  return path;
}

/** Two ends of a link, the far one a host that answers with `link`. */
function openLink(): Link {
  const [near, far] = duplexPair();
  const handler = (): Uint8Array => Buffer.from('link');
  new Link(far, { serve: [{ path: PATH, handler }], remoteMethods: [] });
  return new Link(near, { serve: [], remoteMethods: [PATH] });
}

function duplexPair(): readonly [Duplex, Duplex] {
  const end = (other: () => Duplex): Duplex =>
    new Duplex({
      objectMode: true,
      read() {},
      write(frame: Frame, _encoding, done) {
        other().push(frame);
        done();
      },
    });
  const near: Duplex = end(() => far);
  const far: Duplex = end(() => near);
  return [near, far];
}

async function ask(connection: HostConnection, body: Uint8Array): Promise<string> {
  return Buffer.from(await connection.call(PATH, body, { timeoutMs: 5_000 })).toString();
}

describe('the way to the host', () => {
  test('is the link for what is small, and the socket for what is large', async () => {
    const path = await listen(ServerCredentials.createInsecure());
    const connection = new HostConnection(systemClock, () => ({ path }));
    connection.connect(openLink());
    expect([await ask(connection, SMALL), await ask(connection, LARGE)]).toEqual(['link', 'native']);
  });

  test('is the socket alone under a host that opens no link, or while there is none', async () => {
    const path = await listen(ServerCredentials.createInsecure());
    const connection = new HostConnection(systemClock, () => ({ path }));
    expect(await ask(connection, SMALL)).toBe('native');
    const link = openLink();
    connection.connect(link);
    connection.disconnect(openLink());
    expect(await ask(connection, SMALL)).toBe('link');
    connection.disconnect(link);
    expect(await ask(connection, SMALL)).toBe('native');
  });

  test('is the link alone for a plugin that runs elsewhere', async () => {
    const connection = new HostConnection(systemClock, () => undefined);
    connection.connect(openLink());
    expect(await ask(connection, LARGE)).toBe('link');
  });

  test('is none under a host that offers nothing', async () => {
    const connection = new HostConnection(systemClock, () => undefined);
    await expect(ask(connection, SMALL)).rejects.toMatchObject({ code: 'UNKNOWN_METHOD' });
  });

  test('is by mTLS where the host asks for it: the certificates of this launch and no others', async () => {
    const pair = { private_key: Buffer.from(hostCert.keyPem), cert_chain: Buffer.from(hostCert.certPem) };
    const path = await listen(ServerCredentials.createSsl(Buffer.from(pluginCert.certPem), [pair], true));
    const launchedWith = (own: typeof pluginCert, host: typeof hostCert): HostConnection => {
      const tls = { hostCertPem: host.certPem, certPem: own.certPem, keyPem: own.keyPem };
      const socket: HostSocket = { path, tls };
      return new HostConnection(systemClock, () => socket);
    };
    expect(await ask(launchedWith(pluginCert, hostCert), SMALL)).toBe('native');
    await expect(ask(launchedWith(createCertificate(), hostCert), SMALL)).rejects.toMatchObject({
      code: 'PLUGIN_UNAVAILABLE',
    });
    await expect(ask(launchedWith(pluginCert, createCertificate()), SMALL)).rejects.toMatchObject({
      code: 'PLUGIN_UNAVAILABLE',
    });
  });

  test('brings errors back typed', async () => {
    const why = new BulkheadError('RATE_LIMITED', 'slowly', { retryAfterMs: 70, retryable: true });
    const path = await listen(ServerCredentials.createInsecure(), why);
    const connection = new HostConnection(systemClock, () => ({ path }));
    await expect(ask(connection, SMALL)).rejects.toMatchObject({ code: 'RATE_LIMITED', retryAfterMs: 70 });
  });
});
