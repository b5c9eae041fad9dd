import { BulkheadError, ErrorCode } from '@bulkhead/proto';

export interface FetchTextOptions {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

export interface FetchedText {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

/**
 * One HTTP request whose answer is text, bounded in time and size. Redirects are not followed: where a request goes was
 * decided when it was configured.
 *
 * @throws QUERY_FAILED, DEADLINE_EXCEEDED, CANCELLED, QUOTA_EXCEEDED
 */
export async function fetchText(url: URL, options: FetchTextOptions): Promise<FetchedText> {
  const { method, headers, body, timeoutMs, maxBytes, signal } = options;
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(url, {
      method,
      headers: { ...headers },
      redirect: 'manual',
      signal: AbortSignal.any([timeout, signal]),
      ...(body === undefined ? {} : { body }),
    });
    const contentType = response.headers.get('content-type') ?? '';
    return { status: response.status, contentType, text: await readText(response, maxBytes) };
  } catch (error) {
    if (signal.aborted) throw new BulkheadError(ErrorCode.CANCELLED, 'nobody waits for the answer any more');
    if (timeout.aborted)
      throw new BulkheadError(
        ErrorCode.DEADLINE_EXCEEDED,
        `${url.host} had no answer within ${timeoutMs} ms`,
      );
    const typed = BulkheadError.from(error, ErrorCode.QUERY_FAILED);
    if (typed !== error)
      throw new BulkheadError(typed.code, `${url.host} could not be asked: ${reason(error)}`);
    throw typed;
  }
}

async function readText(response: Response, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes)
      throw new BulkheadError(ErrorCode.QUOTA_EXCEEDED, `the answer has more than ${maxBytes} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** `fetch` says only that it failed; why is in the cause. */
function reason(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}
