import { request } from 'node:http';
import { join } from 'node:path';
import { readDaemonRecord } from '../../host/admin/daemon-record.js';

/** A daemon that does not answer for so long hangs. */
const ANSWER_DEADLINE_MS = 60_000;

export interface Answer {
  readonly status: number;
  readonly etag: string | undefined;
  /** Parsed JSON; `{}` when there is none. */
  readonly body: Record<string, unknown>;
}

/** One request over the control socket of the daemon in a folder, as its command line makes them. */
export function ask(
  folder: string,
  method: string,
  path: string,
  body?: unknown,
  ifMatch?: string,
): Promise<Answer> {
  const socketPath = readDaemonRecord(join(folder, '.bulkhead'))?.socket ?? '';
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, method, path, timeout: ANSWER_DEADLINE_MS }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.once('error', reject);
      response.once('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          etag: response.headers.etag,
          body: text === '' ? {} : JSON.parse(text),
        });
      });
    });
    asked.once('error', reject);
    asked.once('timeout', () => asked.destroy(new Error(`no answer to ${method} ${path}`)));
    if (body !== undefined) asked.setHeader('content-type', 'application/json');
    if (ifMatch !== undefined) asked.setHeader('if-match', ifMatch);
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
