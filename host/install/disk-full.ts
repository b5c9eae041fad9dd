import { BulkheadError, ErrorCode } from '@bulkhead/proto';

const CODES: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT']);
/** How the programs and libraries that write for us say it. */
const WORDS = /\b(?:ENOSPC|EDQUOT)\b|no space left on device|disk quota exceeded/i;
/** Errors behind an error that are looked at. */
const MAX_DEPTH = 8;

/** Says of a failure that the disk is full, when that is why; else gives it back as it is. */
export function tellDiskFull(error: unknown): unknown {
  const said = messageOfFullDisk(error);
  if (said === undefined) return error;
  const message = `There is no room left on a disk: ${said}. Nothing is left half done: make room (bulkhead plugin prune removes what no plugin uses), and run it again.`;
  return new BulkheadError(ErrorCode.DISK_FULL, message, { cause: error, retryable: true });
}

function messageOfFullDisk(error: unknown): string | undefined {
  let current = error;
  for (let depth = 0; depth < MAX_DEPTH && current instanceof Error; depth += 1) {
    if ('code' in current && CODES.has(current.code)) return current.message;
    const line = current.message.split('\n').find((text) => WORDS.test(text));
    if (line !== undefined) return line.trim();
    current = current.cause;
  }
  return undefined;
}
