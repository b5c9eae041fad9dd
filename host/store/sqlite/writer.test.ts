import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { expect, test } from 'vitest';
import type { Step } from './messages.js';
import type { Asked, Settled, WorkerLink } from './worker-link.js';
import { createWriter } from './writer.js';

const STATEMENT = { sql: 'insert into things values (1)', parameters: [], rows: false };
const DONE: Settled = { ok: true, results: [{ changes: 1n, lastId: 1n }] };
const failed = (code: ErrorCode): Settled => ({ ok: false, error: new BulkheadError(code, code) });

const nameOf = (step: Step): string => (typeof step === 'string' ? step : 'statement');
const messageOf = (request: Asked): string =>
  request.kind === 'steps' ? request.steps.map(nameOf).join(', ') : request.kind;

/** A thread that takes what it is asked and answers, one outcome after the other, when it is told to. */
function createThread() {
  const asked: string[] = [];
  const answers: ((outcome: Settled) => void)[] = [];
  const link: WorkerLink = {
    send(request, count, settle) {
      asked.push(messageOf(request));
      for (let index = 0; index < count; index += 1) {
        answers.push((outcome) => {
          settle(index, outcome);
        });
      }
    },
    close: () => Promise.resolve(),
  };
  return {
    writer: createWriter(link),
    asked,
    answer: (outcome: Settled) => answers.shift()?.(outcome),
  };
}

test('what a transaction asks in one turn goes in one message, its begin with the first', async () => {
  const { writer, asked, answer } = createThread();
  const transaction = await writer.begin(1_000);
  const ran = [transaction.run(STATEMENT), transaction.run(STATEMENT)];
  await expect.poll(() => asked).toEqual(['begin, statement, statement']);
  answer(DONE);
  answer(DONE);
  answer(failed(ErrorCode.INTERNAL));
  expect(await ran[0]).toEqual({ changes: 1n, lastId: 1n });
  await expect(ran[1]).rejects.toMatchObject({ code: ErrorCode.INTERNAL });
  const committed = transaction.commit();
  await expect.poll(() => asked).toEqual(['begin, statement, statement', 'commit']);
  answer(DONE);
  await committed;
});

test('a transaction that could not begin says why, whatever came of its statements, and others follow', async () => {
  const { writer, asked, answer } = createThread();
  const transaction = await writer.begin(1_000);
  const ran = transaction.run(STATEMENT);
  const next = writer.run([STATEMENT]);
  await expect.poll(() => asked).toHaveLength(1);
  answer(failed(ErrorCode.STORE_BUSY));
  answer(failed(ErrorCode.INTERNAL));
  await expect(ran).rejects.toMatchObject({ code: ErrorCode.STORE_BUSY });
  const rolledBack = transaction.rollback();
  await expect.poll(() => asked).toEqual(['begin, statement', 'rollback', 'group']);
  answer(DONE);
  await rolledBack;
  answer(DONE);
  expect(await next).toEqual([{ changes: 1n, lastId: 1n }]);
});
