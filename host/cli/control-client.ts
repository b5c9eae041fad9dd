import { request, type IncomingMessage } from 'node:http';
import { BulkheadError, ErrorCode, type Problem } from '@bulkhead/proto';
import { readDaemonRecord } from '../admin/daemon-record.js';
import { ACTOR_HEADER } from '../admin/socket-caller.js';

/** How long a daemon may be silent, in milliseconds. */
export interface Deadlines {
  /** About what it knows at once. */
  readonly readMs: number;
  /** While it starts or stops something. */
  readonly actMs: number;
}

const DEADLINES: Deadlines = { readMs: 10_000, actMs: 120_000 };
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** Talks to the running daemon over its control socket. */
export interface ControlClient {
  readonly pid: number;
  /** @throws NOT_RUNNING, or the error that the daemon answered with */
  get(path: string): Promise<unknown>;
  /** @param body sent as JSON; a text is JSON already, and is sent as it is */
  post(path: string, body?: object | string): Promise<unknown>;
  put(path: string, body: object): Promise<unknown>;
  patch(path: string, body: object): Promise<unknown>;
  delete(path: string): Promise<unknown>;
  /** Lines of a long answer as they come; with `endless` the daemon may be silent for as long as it likes between them. */
  lines(path: string, endless: boolean): AsyncIterable<string>;
}

export interface ConnectOptions {
  readonly deadlines?: Deadlines;
  /** The person at the terminal, for the audit log. Default: the daemon's user. */
  readonly actor?: string;
}

/** @throws NOT_RUNNING when no daemon uses the directory */
export function connectToDaemon(
  dataDir: string,
  { deadlines = DEADLINES, actor }: ConnectOptions = {},
): ControlClient {
  const record = readDaemonRecord(dataDir);
  if (record === undefined) throw notRunning(dataDir);
  const ask = (method: string, path: string, body?: object | string): Promise<IncomingMessage> =>
    open({
      socketPath: record.socket,
      method,
      path,
      timeoutMs: method === 'GET' ? deadlines.readMs : deadlines.actMs,
      headers: {
        ...(actor === undefined ? {} : { [ACTOR_HEADER]: encodeURIComponent(actor) }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    }).catch((error: unknown) => {
      throw isAbsent(error) ? notRunning(dataDir, error) : error;
    });
  const call = async (method: string, path: string, body?: object | string): Promise<unknown> => {
    const response = await ask(method, path, body);
    return parseAnswer(response.statusCode ?? 0, await readAll(response));
  };
  return {
    pid: record.pid,
    get: (path) => call('GET', path),
    post: (path, body) => call('POST', path, body),
    put: (path, body) => call('PUT', path, body),
    patch: (path, body) => call('PATCH', path, body),
    delete: (path) => call('DELETE', path),
    async *lines(path, endless) {
      const response = await ask('GET', path);
      if (response.statusCode !== 200) parseAnswer(response.statusCode ?? 0, await readAll(response));
      if (endless) response.socket.setTimeout(0);
      let rest = '';
      for await (const chunk of response.setEncoding('utf8')) {
        const parts = (rest + String(chunk)).split('\n');
        rest = parts.pop() ?? '';
        yield* parts;
      }
    },
  };
}

interface Asked {
  readonly socketPath: string;
  readonly method: string;
  readonly path: string;
  readonly timeoutMs: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

function open({ socketPath, method, path, timeoutMs, headers, body }: Asked): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    let answer: IncomingMessage | undefined;
    const asked = request({ socketPath, method, path, headers, timeout: timeoutMs }, (response) => {
      answer = response;
      resolve(response);
    });
    asked.once('error', reject);
    asked.once('timeout', () => {
      const message =
        `The daemon did not answer ${method} ${path} within ${timeoutMs / 1_000} s. ` +
        'Look at its log; if it does nothing any more, end its process and start it again.';
      (answer ?? asked).destroy(new BulkheadError(ErrorCode.DEADLINE_EXCEEDED, message));
    });
    asked.end(body);
  });
}

async function readAll(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) {
    text += String(chunk);
    if (text.length > MAX_ANSWER_BYTES)
      throw new BulkheadError(ErrorCode.MESSAGE_TOO_LARGE, 'The answer has no end.');
  }
  return text;
}

/** What a daemon answered. @throws the error that it answered with */
export function parseAnswer(status: number, text: string): unknown {
  const value: unknown = JSON.parse(text);
  if (status >= 200 && status < 300) return value;
  throw toError(value) ?? new BulkheadError(ErrorCode.INTERNAL, `The daemon answered ${status}: ${text}`);
}

function toError(value: unknown): BulkheadError | undefined {
  if (!isRecord(value) || !isRecord(value['error'])) return undefined;
  const { code, message, problems } = value['error'];
  const known = Object.values(ErrorCode).find((member) => member === code);
  if (known === undefined || typeof message !== 'string') return undefined;
  return new BulkheadError(known, message, {
    problems: Array.isArray(problems) ? problems.filter(isProblem) : [],
  });
}

function isProblem(value: unknown): value is Problem {
  return isRecord(value) && typeof value['code'] === 'string' && typeof value['message'] === 'string';
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isAbsent(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ECONNREFUSED')
  );
}

function notRunning(dataDir: string, cause?: unknown): BulkheadError {
  const message = `No daemon uses the data directory ${dataDir}. Start one with \`bulkhead start\`, or name its directory with --data-dir.`;
  return new BulkheadError(ErrorCode.NOT_RUNNING, message, { cause });
}
