import type { FileHandle } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

const NEWLINE = 10;
const BLOCK_BYTES = 65_536;
/** A first line is read this far. */
const FIRST_LINE_BYTES = 4_096;
/**
 * While an old process hands over to a new one, both append. A batch on its way takes microseconds, so a tail that stands
 * still this long belongs to nobody.
 */
const SETTLE_MS = 50;

/**
 * Takes away what stands behind the last line break: the rest of a batch that a kill cut short.
 *
 * @returns the length afterwards, in bytes
 */
export async function repairTornTail(handle: FileHandle): Promise<number> {
  let { size } = await handle.stat();
  while (size > 0) {
    const end = await endOfLastLine(handle, size);
    if (end === size) return size;
    await delay(SETTLE_MS);
    const later = (await handle.stat()).size;
    if (later === size) {
      await handle.truncate(end);
      return end;
    }
    size = later;
  }
  return size;
}

/** Offset behind the last line break before `size`; 0 when there is none. */
async function endOfLastLine(handle: FileHandle, size: number): Promise<number> {
  const block = Buffer.alloc(BLOCK_BYTES);
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - BLOCK_BYTES);
    const { bytesRead } = await handle.read(block, 0, end - start, start);
    const found = block.subarray(0, bytesRead).lastIndexOf(NEWLINE);
    if (found >= 0) return start + found + 1;
    end = start;
  }
  return 0;
}

/** The `time` of the first entry, in milliseconds since the epoch; undefined when there is none to read. */
export async function firstEntryTime(handle: FileHandle): Promise<number | undefined> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(FIRST_LINE_BYTES), 0, FIRST_LINE_BYTES, 0);
  const time = /^\{"time":"([^"]{1,40})"/.exec(buffer.subarray(0, bytesRead).toString('utf8'))?.[1];
  const parsed = time === undefined ? Number.NaN : Date.parse(time);
  return Number.isNaN(parsed) ? undefined : parsed;
}
