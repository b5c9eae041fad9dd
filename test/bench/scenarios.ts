import { createKvGetSubject } from './asking.ts';
import type { RemoteSubject, Subject } from './measure.ts';
import {
  createObjectCommitSubject,
  createObjectRowSubject,
  createObjectSubject,
  createObjectTransactionSubject,
} from './object-create.ts';
import { connectMcpStdio } from './peers/mcp-stdio.ts';
import { connectSocket } from './peers/socket.ts';
import { connectUnary } from './peers/unary.ts';
import { createPostgresStoreSubject, createRawSqliteSubject, createSqliteStoreSubject } from './store.ts';
import { createHostSubject } from './subjects.ts';

export interface Scenario {
  /** Prefix of the result's keys. */
  readonly name: string;
  readonly what: string;
  readonly inFlight: readonly number[];
  /** A machine that lacks what it needs measures everything else. */
  readonly optional?: true;
  connect(): Promise<Subject | RemoteSubject>;
}

/** A call of all of them at once, which ends with the last. */
function allAtOnce(subjects: readonly Subject[]): Subject {
  return {
    call: async () => Promise.all(subjects.map(async (subject) => subject.call())),
    async close() {
      await Promise.all(subjects.map(async (subject) => subject.close()));
    },
  };
}

/** Everything that is measured call by call, in the order in which a round takes it. */
export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'noop',
    what: 'host.invoke, one no-op plugin',
    inFlight: [1, 8, 64, 512],
    connect: async () => createHostSubject({ plugins: 1 }),
  },
  {
    name: 'noop_strict',
    what: 'the same in the strict sandbox',
    inFlight: [1, 64],
    optional: true,
    connect: async () => createHostSubject({ plugins: 1, sandbox: 'strict' }),
  },
  {
    name: 'noop_mtls',
    what: 'the same with mTLS',
    inFlight: [1, 8, 64, 512],
    connect: async () => createHostSubject({ plugins: 1, mtls: true }),
  },
  { name: 'unary', what: 'naive unary gRPC, Unix socket', inFlight: [1, 64], connect: connectUnary },
  {
    name: 'socket',
    what: 'newline JSON, bare Unix socket',
    inFlight: [1, 64],
    connect: connectSocket,
  },
  {
    name: 'socket5',
    what: 'newline JSON, five bare sockets at once',
    inFlight: [1],
    connect: async () => allAtOnce(await Promise.all(Array.from({ length: 5 }, connectSocket))),
  },
  {
    name: 'mcp_stdio',
    what: 'MCP tool call over stdio',
    inFlight: [1, 64],
    connect: connectMcpStdio,
  },
  {
    name: 'seq5',
    what: 'host.invoke, five sequential plugins',
    inFlight: [1, 64],
    connect: async () => createHostSubject({ plugins: 5 }),
  },
  {
    name: 'conc5',
    what: 'host.invoke, five concurrent plugins',
    inFlight: [1, 64],
    connect: async () => createHostSubject({ plugins: 5, mode: 'concurrent' }),
  },
  {
    name: 'conc1',
    what: 'host.invoke, one concurrent plugin',
    inFlight: [1, 64],
    connect: async () => createHostSubject({ plugins: 1, mode: 'concurrent' }),
  },
  {
    name: 'unmatched',
    what: 'host.invoke, a plugin whose conditions do not match',
    inFlight: [1],
    connect: async () => createHostSubject({ plugins: 1, unmatched: true }),
  },
  {
    name: 'empty',
    what: 'host.invoke, no plugin',
    inFlight: [1],
    connect: async () => createHostSubject({ plugins: 0 }),
  },
  {
    name: 'noop_5kb',
    what: 'one no-op plugin, 5 KB of arguments',
    inFlight: [1, 64],
    connect: async () => createHostSubject({ plugins: 1, bytes: 5_000 }),
  },
  {
    name: 'noop_1mb',
    what: 'one no-op plugin, 1 MB of arguments',
    inFlight: [1, 8],
    connect: async () => createHostSubject({ plugins: 1, bytes: 1_000_000 }),
  },
  {
    name: 'store_write',
    what: 'store on SQLite, one row written',
    inFlight: [1, 64],
    connect: async () => createSqliteStoreSubject('write'),
  },
  {
    name: 'store_read',
    what: 'store on SQLite, one row read',
    inFlight: [1, 64],
    connect: async () => createSqliteStoreSubject('read'),
  },
  {
    name: 'sqlite_raw_write',
    what: 'node:sqlite on the main thread, one row written',
    inFlight: [1, 64],
    connect: async () => createRawSqliteSubject('write'),
  },
  {
    name: 'sqlite_raw_read',
    what: 'node:sqlite on the main thread, one row read',
    inFlight: [1],
    connect: async () => createRawSqliteSubject('read'),
  },
  {
    name: 'store_postgres_write',
    what: 'store on PostgreSQL, one row written',
    inFlight: [1, 64],
    optional: true,
    connect: async () => createPostgresStoreSubject('write'),
  },
  {
    name: 'store_postgres_read',
    what: 'store on PostgreSQL, one row read',
    inFlight: [1, 64],
    optional: true,
    connect: async () => createPostgresStoreSubject('read'),
  },
  {
    name: 'kv_get',
    what: 'KV get by a plugin, over the link',
    inFlight: [1, 64],
    connect: async () => createKvGetSubject('link'),
  },
  {
    name: 'kv_get_unary',
    what: 'the same by naive unary gRPC',
    inFlight: [1, 64],
    connect: async () => createKvGetSubject('naive'),
  },
  {
    name: 'object_create',
    what: 'an llm created, two plugins hook it',
    inFlight: [1],
    connect: async () => createObjectSubject(2),
  },
  {
    name: 'object_create_unhooked',
    what: 'the same, no plugin hooks it',
    inFlight: [1],
    connect: async () => createObjectSubject(0),
  },
  {
    name: 'object_create_row',
    what: 'its row alone, in a transaction',
    inFlight: [1],
    connect: createObjectRowSubject,
  },
  {
    name: 'object_create_transaction',
    what: 'object, event, chained audit entry, one transaction',
    inFlight: [1],
    connect: createObjectTransactionSubject,
  },
  {
    name: 'object_create_commit',
    what: 'the same as one batch, as the host commits it',
    inFlight: [1],
    connect: createObjectCommitSubject,
  },
];

/** What a target is about: one figure over another of the same round. */
interface Ratio {
  readonly key: string;
  readonly what: string;
  readonly of: { readonly name: string; readonly inFlight: number };
  readonly to: { readonly name: string; readonly inFlight: number };
  readonly figure: 'perSecond' | 'p50Us';
}

export const RATIOS: readonly Ratio[] = [
  {
    key: 'kv_get_over_unary',
    what: 'KV gets, 64 in flight, over naive unary (target: at least 5)',
    of: { name: 'kv_get', inFlight: 64 },
    to: { name: 'kv_get_unary', inFlight: 64 },
    figure: 'perSecond',
  },
  {
    key: 'object_create_over_row',
    what: 'p50 of an object created with two hooks, over its row alone (target: under 3)',
    of: { name: 'object_create', inFlight: 1 },
    to: { name: 'object_create_row', inFlight: 1 },
    figure: 'p50Us',
  },
  {
    key: 'object_create_over_transaction',
    what: 'the same over the transaction of object, event and chained audit entry',
    of: { name: 'object_create', inFlight: 1 },
    to: { name: 'object_create_transaction', inFlight: 1 },
    figure: 'p50Us',
  },
  {
    key: 'object_create_over_commit',
    what: 'the same over the batch with which the host commits it',
    of: { name: 'object_create', inFlight: 1 },
    to: { name: 'object_create_commit', inFlight: 1 },
    figure: 'p50Us',
  },
];
