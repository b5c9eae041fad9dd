/** What may wait for a client that does not read its stream, in bytes; a single larger message still passes. */
export const MAX_UNREAD_BYTES = 4 * 1024 * 1024;

/**
 * The same stream, but what its reader leaves unread is bounded. The protocol package writes without asking whether
 * anybody reads, so an upstream that reports much to a client that reads nothing would fill the host's memory.
 *
 * @param onFull runs once when the bound is reached; the stream then ends with an error, and its source is cancelled
 */
export function boundUnread(
  source: ReadableStream<Uint8Array>,
  maxBytes: number,
  onFull: () => void,
): ReadableStream<Uint8Array> {
  const reader = source.getReader();

  async function pump(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) {
          controller.close();
          return;
        }
        if ((controller.desiredSize ?? 0) <= 0) break;
        controller.enqueue(value);
      }
    } catch (error) {
      controller.error(error);
      return;
    }
    onFull();
    controller.error(new Error(`the client left more than ${String(maxBytes)} bytes unread`));
    await reader.cancel('the client does not read').catch(() => undefined);
  }

  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        void pump(controller);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    new ByteLengthQueuingStrategy({ highWaterMark: maxBytes }),
  );
}
