import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createCertificate } from '@bulkhead/proto/handshake';
import { systemClock } from '../../clock.js';
import { createProcessPool, type ProcessPool } from './process/process-pool.js';
import { openSqlSource } from './sql-source.js';

const int16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
};
const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const message = (type: string, ...parts: readonly (Buffer | string)[]): Buffer => {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);
};

const READY = message('Z', 'I');
const LET_IN = Buffer.concat([message('R', int32(0)), READY]);
const ANSWERED = Buffer.concat([
  message('1'),
  message('2'),
  message('T', int16(0)),
  message('C', 'SELECT 1\0'),
  READY,
]);

/** What a server may say where nothing of the kind is expected. */
const NONSENSE: Readonly<Record<string, Buffer | 'reset'>> = {
  'a row': message('D', int16(1), int32(1), '1'),
  'a row of another size than it says': message('D', int16(5), int32(-7)),
  columns: message('T', int16(0)),
  'a copy in': message('G', Buffer.from([0]), int16(0)),
  'a copy out': message('H', Buffer.from([0]), int16(0)),
  'data of a copy': message('d', 'x'),
  'a suspended portal': message('s'),
  'the end of a statement': message('C', 'SELECT 1\0'),
  'a parsed statement': message('1'),
  'an empty query': message('I'),
  'a fatal error': message('E', 'SFATAL\0C57P01\0Mgone\0\0'),
  'a notice': message('N', 'SX\0\0'),
  'no message at all': message('?', 'x'),
  'a length of nothing': Buffer.from([0x44, 0, 0, 0, 0]),
  'that it is ready': READY,
  'a way to log in that is none': message('R', int32(10), 'X\0\0'),
  Kerberos: message('R', int32(7)),
  'a broken connection': 'reset',
};
const MOMENTS = ['at the start', 'at the transaction', 'at the query', 'between queries'] as const;

let moment: (typeof MOMENTS)[number];
let said: Buffer | 'reset';
let server: Server;
let pool: ProcessPool;
const sockets = new Set<Socket>();

function speak(socket: Socket): void {
  if (socket.writableEnded) return;
  if (said === 'reset') {
    socket.resetAndDestroy();
    return;
  }
  socket.write(Buffer.concat([said, said]));
  socket.end();
}

/** What a client sends that wants to encrypt. */
const SSL_REQUEST = Buffer.concat([int32(8), int32(80_877_103)]);
const certificate = createCertificate();

function serve(socket: Socket): void {
  sockets.add(socket);
  socket.on('close', () => sockets.delete(socket));
  socket.on('error', () => {});
  socket.once('data', (data: Buffer) => {
    if (!data.equals(SSL_REQUEST)) {
      converse(socket);
      socket.emit('data', data);
      return;
    }
    socket.write('S');
    const { certPem: cert, keyPem: key } = certificate;
    const encrypted = new TLSSocket(socket, { isServer: true, cert, key });
    encrypted.on('error', () => {});
    converse(encrypted);
  });
}

function converse(socket: Socket): void {
  let heard = 0;
  socket.on('data', (data) => {
    heard += 1;
    if (heard === 1) {
      if (moment === 'at the start') speak(socket);
      else socket.write(LET_IN);
      if (moment === 'between queries') setImmediate(speak, socket);
    } else if (moment === 'at the transaction') speak(socket);
    else if (data[0] === 'Q'.charCodeAt(0)) socket.write(Buffer.concat([message('C', 'BEGIN\0'), READY]));
    else if (data.includes('set_config')) socket.write(ANSWERED);
    else if (moment === 'at the query') speak(socket);
  });
}

beforeAll(async () => {
  server = createServer(serve);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
});
afterAll(() => {
  server.close();
});
beforeEach(() => {
  pool = createProcessPool({ clock: systemClock });
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await pool.close();
});

const ask = (timeoutMs: number, parameters = '') => {
  const { port } = server.address() as AddressInfo;
  const url = `postgres://u:p@127.0.0.1:${String(port)}/db${parameters}`;
  const source = openSqlSource({ kind: 'postgres', url, readOnly: true }, pool);
  const signal = new AbortController().signal;
  return source.query({ sql: 'SELECT 1', parameters: [], maxRows: 10, timeoutMs, signal, caller: 'asker' });
};

describe('a PostgreSQL server of somebody else', () => {
  test.each(MOMENTS)('that says anything %s fails queries, and nothing else', async (when) => {
    moment = when;
    for (const [what, bytes] of Object.entries(NONSENSE)) {
      said = bytes;
      const outcome = await ask(3_000).then(
        () => 'answered',
        (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
      );
      expect(['answered', 'QUERY_FAILED', 'DEADLINE_EXCEEDED'], what).toContain(outcome);
    }
  });

  test.each(['', '?sslmode=no-verify'])(
    'that sends a row without an end is cut off: %j',
    async (parameters) => {
      moment = 'at the query';
      const head = Buffer.concat([Buffer.from('D'), int32(1_000_000_000), int16(1), int32(999_999_990)]);
      said = Buffer.concat([head, Buffer.alloc(40 * 1024 * 1024, 'x')]);
      await expect(ask(60_000, parameters)).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
    },
  );

  test('whose certificate nobody vouches for is not asked', async () => {
    moment = 'at the query';
    await expect(ask(30_000, '?sslmode=require')).rejects.toMatchObject({ code: 'QUERY_FAILED' });
  });

  test('gets nothing of the host’s environment', async () => {
    moment = 'at the start';
    said = message('R', int32(3));
    const passwords: Buffer[] = [];
    const listen = (socket: Socket): void => {
      socket.on('data', (data) => {
        if (data[0] === 'p'.charCodeAt(0)) passwords.push(data);
      });
    };
    server.on('connection', listen);
    const { port } = server.address() as AddressInfo;
    process.env['PGPASSWORD'] = 'of-the-host';
    try {
      const url = `postgres://u@127.0.0.1:${String(port)}/db`;
      const source = openSqlSource({ kind: 'postgres', url, readOnly: true }, pool);
      const signal = new AbortController().signal;
      const asked = {
        sql: 'SELECT 1',
        parameters: [],
        maxRows: 1,
        timeoutMs: 3_000,
        signal,
        caller: 'asker',
      };
      await expect(source.query(asked)).rejects.toThrow();
    } finally {
      delete process.env['PGPASSWORD'];
      server.off('connection', listen);
    }
    expect(Buffer.concat(passwords).includes('of-the-host')).toBe(false);
  });
});
