import type { Client } from '@grpc/grpc-js';
import { BulkheadError, ErrorCode, isBulkheadError } from '@bulkhead/proto';
import { APP_VERSION, parseHandshakeLine, type Certificate } from '@bulkhead/proto/handshake';
import { Link, nativeCall, openLinkStream, type ServedMethod } from '@bulkhead/proto/link';
import {
  Capability,
  HandshakeRequest,
  HandshakeResponse,
  InitializeRequest,
  InitializeResponse,
} from '@bulkhead/proto/plugin';
import type { Clock } from '../clock.js';
import { assertRegistered } from './assert-registered.js';
import { resolveTarget } from './address.js';
import { openChannel, type TlsPair } from './channel.js';
import type { FirstLine } from './first-line.js';
import type { FloodMeter } from './flood/flood-meter.js';
import { followGoStdio } from './go-stdio.js';
import { startHostServer } from './host-server.js';
import type { LaunchDirectory } from './launch-directory.js';
import type { PluginLog } from './plugin-log.js';
import type { ProcessLife } from './process-life.js';
import { readAnswer } from './read-message.js';
import type { LaunchDescription } from './sidecar.js';
import {
  CLOSED_AFTER_TLS,
  TLS_FAILURE,
  asCertificateError,
  exitedEarly,
  noFirstLine,
  type StartPhase,
} from './start-error.js';
import { Transport } from './transport.js';
import { untilServing } from './until-serving.js';

/** A closed pipe or a broken connection is mostly the end of the process, and that says more than they do. */
const ENDS_WITH_PROCESS: ReadonlySet<ErrorCode> = new Set([
  ErrorCode.PLUGIN_UNAVAILABLE,
  ErrorCode.PLUGIN_EXITED,
]);
/** How long that end may take to show, in milliseconds. */
const EXIT_SETTLE_MS = 1_000;

const HANDSHAKE_PATH = '/bulkhead.plugin.v1.PluginService/Handshake';
const INITIALIZE_PATH = '/bulkhead.plugin.v1.PluginService/Initialize';

/** Hears of each call of a method that the plugin is not served: its path, or its number on the link. */
export type OnUnknownMethod = (method: string) => void;

export interface BringUpParts {
  readonly description: LaunchDescription;
  readonly directory: LaunchDirectory;
  readonly life: ProcessLife;
  readonly firstLine: FirstLine;
  readonly log: PluginLog;
  readonly clock: Clock;
  readonly hostVersion: string;
  /** The host's one-time certificate, when the connection is mTLS. */
  readonly certificate: Certificate | undefined;
  /** What the host serves to this plugin. */
  readonly serve: readonly ServedMethod[];
  readonly onUnknownMethod?: OnUnknownMethod;
  /** Of all that the plugin sends, whoever opened the connection. */
  readonly meter: FloodMeter;
  readonly onPhase: (phase: StartPhase) => void;
}

/** A plugin that is connected and initialized. */
export interface BroughtUp {
  readonly client: Client;
  readonly transport: Transport;
  readonly handshake: HandshakeResponse;
  readonly initialized: InitializeResponse;
}

/** From a spawned process to an initialized plugin. Has no time limit of its own; the caller's start budget is it. */
export async function bringUp(parts: BringUpParts): Promise<BroughtUp> {
  let phase = 'waiting for the handshake line' as StartPhase;
  try {
    return await connect({
      ...parts,
      onPhase: (next) => {
        phase = next;
        parts.onPhase(next);
      },
    });
  } catch (error) {
    if (!isBulkheadError(error) || !ENDS_WITH_PROCESS.has(error.code)) throw error;
    const report = await parts.life.endsWithin(EXIT_SETTLE_MS);
    if (report !== undefined) throw exitedEarly(report, phase);
    const first = parts.certificate !== undefined && phase === 'connecting';
    throw first ? asCertificateError(error, CLOSED_AFTER_TLS) : error;
  }
}

async function connect(parts: BringUpParts): Promise<BroughtUp> {
  const { description, clock, life, onPhase } = parts;
  const first = await parts.firstLine.result;
  if (first.kind !== 'line') throw noFirstLine(first);
  const line = parseHandshakeLine(first.line);
  const tls = agreeOnTls(parts.certificate, line.certificateDer);
  const target = await resolveTarget(line, description.network, parts.directory.path);

  onPhase('connecting');
  const client = openChannel(target, tls, description.maxMessageBytes, parts.meter);
  life.onEnd(() => {
    client.close();
  });
  const { log, hostVersion, serve, onUnknownMethod, meter } = parts;
  return establish({
    description,
    client,
    clock,
    log,
    hostVersion,
    serve,
    meter,
    ...(onUnknownMethod === undefined ? {} : { onUnknownMethod }),
    beside: serveHost(parts, tls),
    explain: (error) => (tls === undefined ? error : asCertificateError(error, TLS_FAILURE)),
    onPhase,
  });
}

/** What every plugin is brought up with once there is a channel to it, wherever it runs. */
export interface EstablishParts {
  readonly description: LaunchDescription;
  readonly client: Client;
  readonly clock: Clock;
  readonly log: PluginLog;
  readonly hostVersion: string;
  readonly serve: readonly ServedMethod[];
  readonly onUnknownMethod?: OnUnknownMethod;
  readonly meter: FloodMeter;
  /** What must be there too before the plugin is initialized. */
  readonly beside?: Promise<void>;
  /** Says what a failed first call means. */
  readonly explain: (error: unknown) => unknown;
  readonly onPhase: (phase: StartPhase) => void;
}

/** Handshake, link, Initialize. Has no time limit of its own. */
export async function establish(parts: EstablishParts): Promise<BroughtUp> {
  const { description, client, clock, onPhase, meter } = parts;
  const [handshake] = await Promise.all([shakeHands(parts), parts.beside]);

  onPhase('opening the link');
  const link = handshake.capabilities.includes(Capability.CAPABILITY_LINK_V1)
    ? new Link(openLinkStream(client, meter), {
        serve: parts.serve,
        remoteMethods: handshake.pluginMethods,
        defaultTimeoutMs: description.callTimeoutMs,
        maxBodyBytes: description.maxMessageBytes,
        clock,
        onWaste: meter.waste,
        onUnknownMethod: (number) => parts.onUnknownMethod?.(`number ${number}`),
      })
    : undefined;
  if (link === undefined) followGoStdio(client, parts.log, meter);
  const transport = new Transport({
    client,
    ...(link === undefined ? {} : { link }),
    clock,
    meter,
    defaultTimeoutMs: description.callTimeoutMs,
    maxMessageBytes: description.maxMessageBytes,
  });

  onPhase('initializing');
  const initialized = await initialize(transport, description);
  if (description.declared !== undefined) assertRegistered(description.declared, initialized.registrations);
  onPhase('waiting until it serves');
  await untilServing(transport, handshake.pluginMethods, clock, description.startTimeoutMs);
  return { client, transport, handshake, initialized };
}

function agreeOnTls(host: Certificate | undefined, pluginDer: Buffer | undefined): TlsPair | undefined {
  if (host === undefined && pluginDer === undefined) return undefined;
  if (host === undefined || pluginDer === undefined) {
    throw new BulkheadError(
      ErrorCode.CERTIFICATE_REFUSED,
      host === undefined
        ? 'the handshake line announces a certificate where none was asked for: without PLUGIN_CLIENT_CERT a plugin serves plaintext'
        : 'expected a certificate in the handshake line, got none: with PLUGIN_CLIENT_CERT set a plugin must serve mTLS',
    );
  }
  return { host, pluginDer };
}

async function serveHost(parts: BringUpParts, tls: TlsPair | undefined): Promise<void> {
  const { directory, serve, description, clock, life, meter, onUnknownMethod } = parts;
  const server = await startHostServer({
    socketPath: directory.hostSocket,
    methods: serve,
    ...(tls === undefined ? {} : { tls }),
    maxMessageBytes: description.maxMessageBytes,
    clock,
    meter,
    ...(onUnknownMethod === undefined ? {} : { onUnknownMethod }),
  });
  life.onEnd(() => {
    server.close();
  });
  await directory.admit(directory.hostSocket);
}

async function shakeHands(parts: EstablishParts): Promise<HandshakeResponse> {
  const { client, clock, description, serve, hostVersion } = parts;
  const request = {
    apiVersions: [APP_VERSION],
    hostVersion,
    hostMethods: serve.map((method) => method.path),
  };
  const timeoutMs = description.startTimeoutMs;
  let response: HandshakeResponse;
  try {
    const body = HandshakeRequest.encode(request).finish();
    response = readAnswer(
      HandshakeResponse,
      await nativeCall(client, clock, HANDSHAKE_PATH, body, { timeoutMs }),
    );
  } catch (error) {
    throw asIncompatible(parts.explain(error), HANDSHAKE_PATH);
  }
  assertMethods(response.pluginMethods);
  if (response.apiVersion === APP_VERSION) return response;
  throw new BulkheadError(
    ErrorCode.PROTOCOL_INCOMPATIBLE,
    `the plugin's Handshake chose API version ${response.apiVersion}, this host offered ${APP_VERSION}; ` +
      'update the older of the two',
  );
}

/** Paths that a plugin may serve on the link; a table of a million would be kept as long as it runs. */
const MAX_METHODS = 1_000;

function assertMethods(paths: readonly string[]): void {
  if (paths.length <= MAX_METHODS && new Set(paths).size === paths.length) return;
  throw new BulkheadError(
    ErrorCode.PROTOCOL_ERROR,
    `expected at most ${MAX_METHODS} different paths in the Handshake's plugin_methods, got ${paths.length}, or one of them twice`,
  );
}

async function initialize(transport: Transport, description: LaunchDescription): Promise<InitializeResponse> {
  const request: InitializeRequest = {
    name: description.name,
    id: description.id,
    version: description.version,
    manifestJson: description.manifestJson,
    configJson: description.configJson,
    grantedScopes: [...description.grantedScopes],
    limits: {
      maxInFlight: description.maxInFlight,
      timeoutMs: description.callTimeoutMs,
      maxMessageBytes: description.maxMessageBytes,
    },
    logLevel: description.logLevel,
    dataDir: description.dataDir ?? '',
  };
  try {
    const body = InitializeRequest.encode(request).finish();
    const timeoutMs = description.startTimeoutMs;
    return readAnswer(InitializeResponse, await transport.call(INITIALIZE_PATH, body, { timeoutMs }));
  } catch (error) {
    throw asSetupError(asIncompatible(error, INITIALIZE_PATH));
  }
}

function asIncompatible(error: unknown, path: string): unknown {
  if (!isBulkheadError(error) || error.code !== ErrorCode.UNKNOWN_METHOD) return error;
  return new BulkheadError(
    ErrorCode.PROTOCOL_INCOMPATIBLE,
    `the plugin does not serve ${path}: it is a plugin of another host, or built with an SDK that is too old`,
    { cause: error },
  );
}

/** A setup function that threw: what it threw is the message. Codes that say more than that stay. */
function asSetupError(error: unknown): unknown {
  if (!isBulkheadError(error) || error.code !== ErrorCode.PLUGIN_ERROR) return error;
  return new BulkheadError(ErrorCode.SETUP_FAILED, `the plugin's setup failed: ${error.message}`, {
    cause: error,
  });
}
