import { readFileSync } from 'node:fs';
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { formatDestination } from '@bulkhead/proto/rules';
import { Link, linkServiceDefinition, type Frame, type ServedMethod } from '@bulkhead/proto/link';
import { PluginServiceDefinition } from '@bulkhead/proto/plugin';
import type { Network } from '../network/client.js';
import { openNetwork } from '../network/network.js';
import { systemClock } from '../runtime/clock.js';
import { CurrentCall } from '../runtime/current-call.js';
import { PluginLogger } from '../runtime/plugin-log.js';
import { PluginRuntime } from '../runtime/plugin-runtime.js';
import type { ListenOptions } from './command-line.js';
import { captureStdout } from './console-capture.js';
import { CannotServe } from './environment.js';
import { addGoPluginServices } from './go-plugin-services.js';
import { HostConnection } from './host-connection.js';
import { bind } from './listen.js';
import { LOG_PATH, LogSender } from './log-sender.js';
import { watchLoopDelay, type LoopDelay } from './loop-delay.js';
import { addNativeMethods } from './native-services.js';
import { DEFAULT_DRAIN_MS, createPluginMethods } from './plugin-methods.js';
import { SERVER_OPTIONS } from './server-options.js';

/** Hosts at once; one more is refused. */
const MAX_HOSTS = 64;
/** A connection that does not open the link within this time is no host's. */
const LINK_TIMEOUT_MS = 30_000;

/** What one connected host has of the plugin: a setup of its own, with its configuration and its log. */
interface Session {
  readonly runtime: PluginRuntime;
  readonly logs: LogSender;
  readonly host: HostConnection;
  readonly methods: readonly ServedMethod[];
  hostMethods: readonly string[];
  cancelTimeout: () => void;
}

const { fullName, methods } = PluginServiceDefinition;
const HANDSHAKE_PATH = `/${fullName}/${methods.handshake.name}`;

/** Serves a plugin to hosts that connect to it. The composition root of a process that no host started. */
export async function serveRemote(
  process: NodeJS.Process,
  sdk: string,
  load: () => Promise<unknown>,
  listen: ListenOptions,
): Promise<void> {
  const writeStderr = process.stderr.write.bind(process.stderr);
  const stderr = (text: string): void => void writeStderr(text);
  const log = new PluginLogger({ sink: new LogSender(stderr).sink, clock: systemClock, threshold: 'info' });
  const writeStdout = captureStdout(process.stdout, console, log);
  const calls = new CurrentCall(systemClock);
  const network = await openNetwork(
    { kind: 'direct' },
    { clock: systemClock, calls, env: process.env, globals: globalThis },
  );
  const entry = load();
  // Each host's Initialize reports a failure; until then it is no unhandled rejection.
  entry.catch(() => {});

  const loopDelay = watchLoopDelay();
  const hosts = new Hosts(() =>
    createSession({ entry, network, calls, stderr, sdk, pid: process.pid, loopDelay }),
  );
  const server = new Server(SERVER_OPTIONS);
  addNativeMethods(server, hosts.methods, ({ path }, call) => hosts.handler(path, call.getPeer()));
  let leaving = false;
  const standard = addGoPluginServices(server, {
    isServing: () => !leaving,
    // Nobody who connects ends this process.
    shutdown: () => Promise.resolve(),
  });
  server.addService(linkServiceDefinition, {
    open(stream: ServerDuplexStream<Frame, Frame>) {
      hosts.openLink(stream, stream.getPeer());
    },
  });
  const port = await bind(server, formatDestination(listen), credentialsOf(listen));

  const leave = (code: number): void => {
    if (leaving) return;
    leaving = true;
    void hosts.endAll('the plugin’s process ends').then(() => {
      standard.endStreams();
      server.forceShutdown();
      process.exit(code);
    });
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      leave(0);
    });
  }
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      log.error(`${event} outside a handler: ${error instanceof Error ? error.message : String(error)}`, {
        error,
      });
      process.exit(1);
    });
  }
  const scheme = listen.tls === undefined ? 'grpc' : 'grpcs';
  writeStdout(`serving on ${scheme}://${formatDestination({ host: listen.host, port })}\n`);
}

interface SessionParts {
  readonly entry: Promise<unknown>;
  readonly network: Network;
  readonly calls: CurrentCall;
  readonly stderr: (text: string) => void;
  readonly sdk: string;
  readonly pid: number;
  readonly loopDelay: LoopDelay;
}

function createSession({ entry, network, calls, stderr, sdk, pid, loopDelay }: SessionParts): Session {
  const logs = new LogSender(stderr);
  const host = new HostConnection(systemClock, () => undefined);
  const runtime = new PluginRuntime({
    network: () => Promise.resolve(network),
    load: () => entry,
    sink: logs.sink,
    clock: systemClock,
    transport: host,
    calls,
  });
  const session: Session = {
    runtime,
    logs,
    host,
    hostMethods: [],
    cancelTimeout: () => {},
    methods: createPluginMethods({
      runtime,
      loopDelay,
      sdk,
      pid,
      onHandshake: (offered) => {
        session.hostMethods = offered;
      },
      onShutdown: () => {},
    }),
  };
  return session;
}

/** The hosts that are connected, by the connection on which they are. */
class Hosts {
  /** What is served natively, by path the same for every host. */
  readonly methods: readonly ServedMethod[];
  readonly #create: () => Session;
  readonly #sessions = new Map<string, Session>();

  constructor(create: () => Session) {
    this.#create = create;
    this.methods = create().methods;
  }

  /** @throws BulkheadError PLUGIN_UNAVAILABLE, PLUGIN_OVERLOADED */
  handler(path: string, peer: string): ServedMethod['handler'] {
    const session = path === HANDSHAKE_PATH ? this.#begin(peer) : this.#sessions.get(peer);
    const method = session?.methods.find((served) => served.path === path);
    if (method === undefined) {
      throw new BulkheadError(ErrorCode.PLUGIN_UNAVAILABLE, 'expected Handshake first on this connection');
    }
    return method.handler;
  }

  openLink(stream: ServerDuplexStream<Frame, Frame>, peer: string): void {
    const session = this.#sessions.get(peer);
    if (session === undefined) {
      stream.end();
      return;
    }
    session.cancelTimeout();
    const link = new Link(stream, { serve: session.methods, remoteMethods: session.hostMethods });
    if (link.has(LOG_PATH)) session.logs.connect((body) => link.call(LOG_PATH, body));
    session.host.connect(link);
    void link.closed.then(() => {
      session.host.disconnect(link);
      session.logs.disconnect();
      stream.end();
      void this.#end(peer, session, 'the host closed the connection');
    });
  }

  async endAll(reason: string): Promise<void> {
    await Promise.all([...this.#sessions].map(([peer, session]) => this.#end(peer, session, reason)));
  }

  #begin(peer: string): Session {
    const known = this.#sessions.get(peer);
    if (known !== undefined) return known;
    if (this.#sessions.size >= MAX_HOSTS) {
      throw new BulkheadError(
        ErrorCode.PLUGIN_OVERLOADED,
        `${MAX_HOSTS} hosts are connected, which is the most`,
        {
          retryable: true,
        },
      );
    }
    const session = this.#create();
    this.#sessions.set(peer, session);
    session.cancelTimeout = systemClock.after(LINK_TIMEOUT_MS, () => {
      void this.#end(peer, session, 'no link was opened');
    });
    return session;
  }

  async #end(peer: string, session: Session, reason: string): Promise<void> {
    session.cancelTimeout();
    if (this.#sessions.get(peer) === session) this.#sessions.delete(peer);
    await session.runtime.shutdown(DEFAULT_DRAIN_MS, reason);
  }
}

function credentialsOf({ tls }: ListenOptions): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  const pair = { private_key: read(tls.key), cert_chain: read(tls.cert) };
  return ServerCredentials.createSsl(read(tls.clientCa), [pair], true);
}

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new CannotServe(
      `expected a PEM file at ${file}: ${error instanceof Error ? error.message : String(error)}\n`,
    );
  }
}
