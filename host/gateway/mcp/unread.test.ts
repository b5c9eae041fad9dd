import { expect, test, vi } from 'vitest';
import { boundUnread } from './unread.js';

const chunk = (size: number) => new Uint8Array(size);

/** A source that is written to from outside, as the protocol package does. */
function pushed() {
  const cancelled = vi.fn();
  let write: (bytes: Uint8Array) => void = () => undefined;
  let end: () => void = () => undefined;
  const source = new ReadableStream<Uint8Array>({
    start(controller) {
      write = (bytes) => {
        controller.enqueue(bytes);
      };
      end = () => {
        controller.close();
      };
    },
    cancel: cancelled,
  });
  return { source, cancelled, write, end };
}

test('all that is read arrives, however much it is', async () => {
  const { source, write, end } = pushed();
  const onFull = vi.fn();
  const reader = boundUnread(source, 100, onFull).getReader();
  let total = 0;
  for (let count = 0; count < 50; count += 1) {
    write(chunk(60));
    total += (await reader.read()).value?.length ?? 0;
  }
  end();
  expect((await reader.read()).done).toBe(true);
  expect(total).toBe(3_000);
  expect(onFull).not.toHaveBeenCalled();
});

test('a reader that leaves too much unread is given up, and the source with it', async () => {
  const { source, write, cancelled } = pushed();
  const full = Promise.withResolvers<void>();
  const bounded = boundUnread(source, 100, full.resolve);
  for (let count = 0; count < 5; count += 1) write(chunk(60));
  await full.promise;
  await expect(bounded.getReader().read()).rejects.toThrow('more than 100 bytes unread');
  await expect.poll(() => cancelled.mock.calls.length).toBe(1);
});

test('one message may be larger than the bound', async () => {
  const { source, write, end } = pushed();
  write(chunk(1_000));
  end();
  const bounded = boundUnread(source, 100, () => undefined);
  expect((await new Response(bounded).bytes()).length).toBe(1_000);
});

test('a reader that goes away cancels the source', async () => {
  const { source, cancelled } = pushed();
  await boundUnread(source, 100, () => undefined).cancel('gone');
  expect(cancelled).toHaveBeenCalledOnce();
});
