// A process of the host's own that asks one data source. A query that does not end, a row that fills the memory and a server
// that answers with anything end this process, and nothing else.
import { constants, getPriority, setPriority } from 'node:os';
import { Worker } from 'node:worker_threads';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { QueryResult } from '../query.js';
import { FrameReader, toFrame } from './frames.js';
import type { AnswerHead, Question, SourceSettings } from './messages.js';
import type { Session } from './session.js';
import { WATCH_PARENT } from './source-command.js';

/** The host bounds what it sends; more than that is a mistake. */
const MAX_FRAME_BYTES = 64 * 1024 * 1024;

async function open(settings: SourceSettings): Promise<Session> {
  switch (settings.kind) {
    case 'sqlite':
      return (await import('./sqlite-session.js')).openSqliteSession(settings);
    case 'postgres':
      return (await import('./postgres-session.js')).openPostgresSession(settings);
    case 'json':
      return (await import('./json-session.js')).openJsonSession();
  }
}

function send(head: AnswerHead, rows: readonly string[] = [], done?: () => void): void {
  process.stdout.write(Buffer.concat([JSON.stringify(head), ...rows].map((one) => toFrame(one))), () =>
    done?.(),
  );
}

function sendResult({ columns, rowsJson, truncated, changedRows }: QueryResult): void {
  send({ ok: true, columns, rows: rowsJson.length, truncated, changedRows }, rowsJson);
}

function failureOf(error: unknown): AnswerHead {
  const { code, message } = BulkheadError.from(error, ErrorCode.QUERY_FAILED);
  return { ok: false, code, message };
}

let asked = false;
let opening: Promise<Session> | undefined;
let question: Question | undefined;

async function take(frame: Buffer): Promise<void> {
  if (opening === undefined) {
    opening = open(JSON.parse(frame.toString()) as SourceSettings);
    return;
  }
  if (question === undefined) {
    question = JSON.parse(frame.toString()) as Question;
    return;
  }
  const current = question;
  question = undefined;
  asked = true;
  try {
    const session = await opening;
    sendResult(await session.answer(current, frame.toString()));
  } catch (error) {
    send(failureOf(error));
  }
  asked = false;
}

/** A driver that met what it did not expect. Whoever asked hears of it, and another process asks next. */
function giveUp(error: unknown): void {
  const end = (): void => {
    process.exit(1);
  };
  if (!asked) end();
  asked = false;
  send(failureOf(error), [], end);
}

// What asks for the host gives way to the host.
const { PRIORITY_BELOW_NORMAL } = constants.priority;
if (getPriority() < PRIORITY_BELOW_NORMAL) setPriority(PRIORITY_BELOW_NORMAL);
if (process.argv.includes(WATCH_PARENT))
  new Worker(new URL('./parent-watch.js', import.meta.url), { workerData: process.ppid });
process.on('uncaughtException', giveUp);
process.on('unhandledRejection', giveUp);
const reader = new FrameReader(MAX_FRAME_BYTES);
process.stdin.on('data', (chunk: Buffer) => {
  for (const frame of reader.push(chunk)) void take(frame);
});
// The host is gone.
process.stdin.on('end', () => {
  process.exit(0);
});
