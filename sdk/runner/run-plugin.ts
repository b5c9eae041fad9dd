import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Server, type ServerDuplexStream } from '@grpc/grpc-js';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { Link, linkServiceDefinition, type Frame } from '@bulkhead/proto/link';
import type { Network } from '../network/client.js';
import { openNetwork } from '../network/network.js';
import { PluginRuntime } from '../runtime/plugin-runtime.js';
import { systemClock } from '../runtime/clock.js';
import { CurrentCall } from '../runtime/current-call.js';
import { captureStdout } from './console-capture.js';
import { parseCommandLine } from './command-line.js';
import { parseEnvironment, type RunnerEnvironment } from './environment.js';
import { addGoPluginServices } from './go-plugin-services.js';
import { HostConnection, type HostSocket } from './host-connection.js';
import { listen, type Listening } from './listen.js';
import { LOG_PATH, LogSender } from './log-sender.js';
import { watchLoopDelay } from './loop-delay.js';
import { addNativeMethods } from './native-services.js';
import { DEFAULT_DRAIN_MS, createPluginMethods } from './plugin-methods.js';
import { serveRemote } from './serve-remote.js';
import { SERVER_OPTIONS } from './server-options.js';

/** How long the last answers may take to leave before the process ends. */
const EXIT_GRACE_MS = 200;

/** Serves the plugin whose entry the command line names. The composition root of a plugin's process. */
export async function runPlugin(process: NodeJS.Process, sdk: string): Promise<void> {
  const { entry, listen: place } = parseCommandLine(process.argv.slice(2));
  if (place !== undefined) {
    await serveRemote(process, sdk, () => loadEntry(entry), place);
    return;
  }
  const environment = parseEnvironment(process.env);
  const writeStderr = process.stderr.write.bind(process.stderr);
  const logs = new LogSender((text) => void writeStderr(text));
  const calls = new CurrentCall(systemClock);
  let listening: Listening | undefined;
  const host = new HostConnection(systemClock, () => hostSocketOf(environment, listening));
  let network: Promise<Network> | undefined;
  let entryModule: Promise<unknown> | undefined;
  const runtime = new PluginRuntime({
    network: () => network ?? Promise.reject(new Error('asked for before it was opened')),
    load: () => entryModule ?? Promise.reject(new Error('asked for before it was loaded')),
    sink: logs.sink,
    clock: systemClock,
    transport: host,
    calls,
  });
  const writeStdout = captureStdout(process.stdout, console, runtime.log);

  const server = new Server(SERVER_OPTIONS);
  let leave = (): void => {};
  let hostMethods: readonly string[] = [];
  const methods = createPluginMethods({
    runtime,
    loopDelay: watchLoopDelay(),
    sdk,
    pid: process.pid,
    onHandshake: (offered) => {
      hostMethods = offered;
    },
    onShutdown: () => {
      leave();
    },
  });
  addNativeMethods(server, methods);
  const goPlugin = addGoPluginServices(server, {
    isServing: () => runtime.serving,
    shutdown: async () => {
      await runtime.shutdown(DEFAULT_DRAIN_MS, 'asked by the host');
      leave();
    },
  });
  const links = new Set<ServerDuplexStream<Frame, Frame>>();
  server.addService(linkServiceDefinition, {
    open(stream: ServerDuplexStream<Frame, Frame>) {
      links.add(stream);
      const link = new Link(stream, { serve: methods, remoteMethods: hostMethods });
      if (link.has(LOG_PATH)) logs.connect((body) => link.call(LOG_PATH, body));
      host.connect(link);
      void link.closed.then(() => {
        host.disconnect(link);
        links.delete(stream);
        logs.disconnect();
        stream.end();
      });
    },
  });

  const served = await listen(server, environment);
  listening = served;
  process.on('exit', () => {
    // Writing to a pipe is synchronous here: the last words of a plugin that ends by itself get out.
    logs.disconnect();
    served.cleanUp();
  });
  leave = () => {
    const exit = (): void => {
      logs.disconnect();
      process.exit(0);
    };
    setTimeout(exit, EXIT_GRACE_MS);
    // Twice, so that the reply that is being made is in a frame and on its way.
    setImmediate(() => {
      setImmediate(() => {
        void logs.flushed().then(() => {
          goPlugin.endStreams();
          for (const stream of links) stream.end();
          server.tryShutdown(exit);
        });
      });
    });
  };
  watchProcess(process, runtime, logs, environment.lifeline, () => {
    leave();
  });
  writeStdout(`${served.handshakeLine}\n`);
  // Before the entry, whose imports may read the variables of the proxy; the host connects meanwhile.
  const opening = openNetwork(environment.outward, {
    clock: systemClock,
    calls,
    env: process.env,
    globals: globalThis,
  });
  network = opening;
  entryModule = opening.then(() => loadEntry(entry));
  // Initialize reports a failure; until then it is no unhandled rejection.
  entryModule.catch(() => {});
}

function hostSocketOf(
  { hostSocket, clientCertPem }: RunnerEnvironment,
  listening: Listening | undefined,
): HostSocket | undefined {
  if (hostSocket === undefined) return undefined;
  const own = listening?.certificate;
  if (own === undefined || clientCertPem === undefined) return { path: hostSocket };
  return {
    path: hostSocket,
    tls: { hostCertPem: clientCertPem, certPem: own.certPem, keyPem: own.keyPem },
  };
}

async function loadEntry(entry: string): Promise<unknown> {
  try {
    const module: unknown = await import(pathToFileURL(resolve(entry)).href);
    return typeof module === 'object' && module !== null && 'default' in module ? module.default : undefined;
  } catch (error) {
    throw new BulkheadError(
      ErrorCode.SETUP_FAILED,
      `the entry ${entry} could not be loaded: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}

function watchProcess(
  process: NodeJS.Process,
  runtime: PluginRuntime,
  logs: LogSender,
  lifeline: boolean,
  leave: () => void,
): void {
  const die = (what: string) => (error: unknown) => {
    // Onto stderr, where the host keeps the last lines of a process that dies.
    logs.disconnect();
    runtime.log.error(
      `${what} outside a handler: ${error instanceof Error ? error.message : String(error)}`,
      { error },
    );
    process.exit(1);
  };
  process.on('uncaughtException', die('uncaught error'));
  process.on('unhandledRejection', die('unhandled rejection'));
  // A terminal's Ctrl-C goes to the whole group; the host decides what becomes of its plugins.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => {
    void runtime.shutdown(DEFAULT_DRAIN_MS, 'SIGTERM').then(leave);
  });
  if (!lifeline) return;
  const hostGone = (): void => {
    process.exit(0);
  };
  process.stdin.on('end', hostGone).on('close', hostGone).on('error', hostGone).resume();
}
