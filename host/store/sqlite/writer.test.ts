import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { expect, test } from 'vitest';
import type { Asked, Settled, WorkerLink } from './worker-link.js';
import { createWriter } from './writer.js';

const STATEMENT = { sql: 'insert into things values (1)', parameters: [], rows: false };
const DONE: Settled = { ok: true, results: [{ changes: 1n, lastId: 1n }] };
const failed = (code: ErrorCode): Settled => ({ ok: false, error: new BulkheadError(code, code) });

/** A thread that takes what it is asked and answers when it is told to. */
function createThread() {
  const asked: Asked['kind'][] = [];
  const answers: ((outcome: Settled) => void)[] = [];
  const link: WorkerLink = {
    send(request, _count, settle) {
      asked.push(request.kind);
      answers.push((outcome) => {
        settle(0, outcome);
      });
    },
    close: () => Promise.resolve(),
  };
  return {
    writer: createWriter(link),
    asked,
    answer: (outcome: Settled) => answers.shift()?.(outcome),
  };
}

test('the first statement of a transaction goes with its begin', async () => {
  const { writer, asked, answer } = createThread();
  const transaction = await writer.begin(1_000);
  const ran = transaction.run(STATEMENT);
  expect(asked).toEqual(['begin', 'run']);
  answer(DONE);
  answer(DONE);
  expect(await ran).toEqual({ changes: 1n, lastId: 1n });
  const committed = transaction.commit();
  answer(DONE);
  await committed;
});

test('a transaction that could not begin says why, whatever came of its statements, and others follow', async () => {
  const { writer, asked, answer } = createThread();
  const transaction = await writer.begin(1_000);
  const ran = transaction.run(STATEMENT);
  const next = writer.run([STATEMENT]);
  answer(failed(ErrorCode.STORE_BUSY));
  answer(failed(ErrorCode.INTERNAL));
  await expect(ran).rejects.toMatchObject({ code: ErrorCode.STORE_BUSY });
  const rolledBack = transaction.rollback();
  answer(DONE);
  await rolledBack;
  await expect.poll(() => asked).toEqual(['begin', 'run', 'rollback', 'group']);
  answer(DONE);
  expect(await next).toEqual([{ changes: 1n, lastId: 1n }]);
});
