import { describe, expect, it, vi } from 'vitest';
import { BatchWriter, type BatchWriterOptions } from './batch-writer.js';

class MemorySink {
  readonly batches: string[] = [];
  failure: Error | undefined;
  closed = false;

  append(batch: Buffer): Promise<void> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    this.batches.push(batch.toString());
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }
}

function writer(sink: MemorySink, changes: Partial<BatchWriterOptions> = {}): BatchWriter {
  return new BatchWriter(sink, {
    maxLines: 3,
    maxWaitMs: 10_000,
    maxQueueBytes: 1_000,
    lossLine: (dropped) => `lost ${String(dropped)}\n`,
    onChange: () => undefined,
    ...changes,
  });
}

describe('BatchWriter', () => {
  it('writes a batch as soon as it is full', async () => {
    const sink = new MemorySink();
    const batches = writer(sink);
    for (const n of [1, 2, 3, 4]) batches.add(`${String(n)}\n`);
    await batches.close();
    expect(sink.batches.join('')).toBe('1\n2\n3\n4\n');
    expect(sink.closed).toBe(true);
  });

  it('writes what is there when the wait is over', async () => {
    vi.useFakeTimers();
    try {
      const sink = new MemorySink();
      const batches = writer(sink, { maxWaitMs: 200 });
      batches.add('1\n');
      await vi.advanceTimersByTimeAsync(199);
      expect(sink.batches).toEqual([]);
      await vi.advanceTimersByTimeAsync(1);
      expect(sink.batches).toEqual(['1\n']);
      await batches.close();
    } finally {
      vi.useRealTimers();
    }
  });

  it('drops and counts what cannot be written, recovers, and tells how much is missing', async () => {
    const sink = new MemorySink();
    const changes: (string | undefined)[] = [];
    const batches = writer(sink, { onChange: (failure) => changes.push(failure) });
    sink.failure = new Error('ENOSPC');
    for (let n = 0; n < 7; n += 1) batches.add(`${String(n)}\n`);
    await batches.flush();
    expect(batches.status).toEqual({ dropped: 7, failure: 'ENOSPC' });
    sink.failure = undefined;
    batches.add('after\n');
    await batches.flush();
    expect(sink.batches).toEqual(['lost 7\nafter\n']);
    expect(batches.status).toEqual({ dropped: 7, failure: undefined });
    expect(changes).toEqual(['ENOSPC', undefined]);
    await batches.close();
  });

  it('drops and counts what the queue cannot hold', async () => {
    const sink = new MemorySink();
    const batches = writer(sink, { maxLines: 1_000, maxQueueBytes: 10 });
    for (let n = 0; n < 9; n += 1) batches.add('four');
    expect(batches.status.dropped).toBe(7);
    await batches.close();
    expect(sink.batches).toEqual(['lost 7\nfourfour']);
  });
});
