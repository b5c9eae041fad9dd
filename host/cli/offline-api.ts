import { mkdir } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { text } from 'node:stream/consumers';
import Fastify from 'fastify';
import { addApi } from '../admin/api.js';
import { acquireDaemonLock } from '../admin/daemon-lock.js';
import { answerErrors } from '../admin/error-answer.js';
import { foundationRoutes } from '../admin/foundation-routes.js';
import { ACTOR_HEADER, socketCaller } from '../admin/socket-caller.js';
import { createTokens } from '../admin/tokens/tokens.js';
import { systemClock } from '../clock.js';
import { loadFoundation } from '../config/load-foundation.js';
import { openFoundation } from '../services/foundation.js';
import { createLogger } from '../telemetry/logger.js';
import { createSecretValues } from '../telemetry/secret-values.js';
import type { ApiClient } from './api-client.js';
import type { Cli } from './cli.js';
import { parseAnswer } from './control-client.js';

export interface OfflineOptions {
  /** Absolute. */
  readonly file: string;
  readonly dataDir: string;
  /** The person at the terminal. */
  readonly actor: string;
}

/**
 * The API as the control socket serves it, in this process and without a daemon: what stands on the store alone.
 *
 * @throws ALREADY_RUNNING when a daemon starts meanwhile; CONFIG_INVALID, STORE_UNAVAILABLE
 */
export async function openOfflineApi(
  cli: Cli,
  { file, dataDir, actor }: OfflineOptions,
): Promise<ApiClient & { close(): Promise<void> }> {
  const config = await loadFoundation(file, (name) => cli.env[name], { dataDir });
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const lock = acquireDaemonLock(dataDir);
  const log = createLogger({
    level: 'warn',
    destination: { write: cli.err },
    pretty: true,
  });
  try {
    const foundation = await openFoundation(config, {
      clock: systemClock,
      log,
      readEnv: (name) => cli.env[name],
      secretValues: createSecretValues(),
    });
    const tokens = createTokens({ ...foundation, clock: systemClock });
    const app = Fastify({ logger: false });
    answerErrors(app);
    addApi(app, { routes: foundationRoutes(foundation, tokens), authenticate: socketCaller });
    const headers = { [ACTOR_HEADER]: encodeURIComponent(actor) };
    const call = async (
      method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
      url: string,
      body?: object | string,
    ) => {
      const answer = await app.inject({ method, url, headers, ...(body === undefined ? {} : { body }) });
      return parseAnswer(answer.statusCode, answer.body);
    };
    return {
      get: (path) => call('GET', path),
      post: (path, body) => call('POST', path, body),
      put: (path, body) => call('PUT', path, body),
      patch: (path, body) => call('PATCH', path, body),
      delete: (path) => call('DELETE', path),
      async *lines(path) {
        const answer = await app.inject({ method: 'GET', url: path, headers, payloadAsStream: true });
        if (answer.statusCode !== 200) parseAnswer(answer.statusCode, await text(answer.stream()));
        yield* createInterface({ input: answer.stream(), crlfDelay: Infinity });
      },
      async close() {
        await app.close();
        await foundation.close();
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}
