import type { Transport } from '@modelcontextprotocol/client';
import type { Clock } from '../clock.js';
import type { UpstreamConfig } from '../config/config.js';
import { scrubEnvironment } from './environment.js';
import { createHttpTransport } from './http-transport.js';
import type { Log } from './log.js';
import type { MessageStash } from './message-stash.js';
import { StdioTransport } from './stdio-transport.js';

export interface RouteDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly hostEnv: Readonly<Record<string, string | undefined>>;
  readonly maxMessageBytes: number;
}

/** The way to one upstream, opened once. */
export interface Route {
  readonly transport: Transport;
  /** Only over stdio. */
  readonly process?: StdioTransport;
  /** Tells an HTTP server that its session is over; one that does not listen is left to its own limits. */
  endSession(): Promise<void>;
}

/** How long the last word to an HTTP server may take. */
const END_SESSION_MS = 1_000;

/** @param onSuspect an HTTP server may be gone */
export function openRoute(
  config: UpstreamConfig,
  deps: RouteDeps,
  stash: MessageStash,
  onSuspect: (reason: string) => void,
): Route {
  const { clock, log, hostEnv, maxMessageBytes } = deps;
  if (config.transport === 'http') {
    const { url, headers } = config;
    const transport = createHttpTransport({ url, headers, maxMessageBytes, stash, onSuspect });
    return {
      transport,
      endSession: () =>
        new Promise((resolve) => {
          const cancel = clock.after(END_SESSION_MS, resolve);
          void transport
            .terminateSession()
            .catch(() => {})
            .then(cancel)
            .then(resolve);
        }),
    };
  }
  const { command, args, env, cwd } = config;
  const transport = new StdioTransport({
    command,
    args,
    env: scrubEnvironment(hostEnv, env),
    cwd,
    maxMessageBytes,
    clock,
    onStderr: (line) => {
      log.info({ upstream: config.name, stream: 'stderr' }, line);
    },
  });
  return { transport, process: transport, endSession: () => Promise.resolve() };
}
