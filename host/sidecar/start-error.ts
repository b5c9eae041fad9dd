import { BulkheadError, ErrorCode, isBulkheadError } from '@bulkhead/proto';
import { MAX_HANDSHAKE_LINE_BYTES } from '@bulkhead/proto/handshake';
import type { FirstLineResult } from './first-line.js';
import { printable } from './log-line.js';
import type { ExitReport } from './sidecar.js';

/** How much of what a plugin printed an error quotes, in bytes. */
const MAX_QUOTE_BYTES = 200;
/** Lines quoted in a message; details carry up to 50. */
const MAX_QUOTED_LINES = 5;

const ADVICE = "a plugin is started by the SDK's runner, and nothing may print before it";

/** How far a start got. */
export type StartPhase =
  | 'waiting for the handshake line'
  | 'connecting'
  | 'opening the link'
  | 'initializing'
  | 'waiting until it serves';

/** stdout did not begin with a line that could be a handshake. */
export function noFirstLine(result: Exclude<FirstLineResult, { kind: 'line' }>): BulkheadError {
  const quoted = JSON.stringify(printable(result.start.toString('utf8', 0, MAX_QUOTE_BYTES)));
  if (result.kind === 'ended') {
    const message = `expected a handshake line first on stdout, got the end of stdout after ${quoted}; ${ADVICE}`;
    return new BulkheadError(ErrorCode.PLUGIN_EXITED, message, { retryable: true });
  }
  return new BulkheadError(
    ErrorCode.HANDSHAKE_INVALID,
    `expected a handshake line first on stdout, got more than ${MAX_HANDSHAKE_LINE_BYTES} bytes without a newline, ` +
      `beginning ${quoted}; ${ADVICE}`,
  );
}

export function exitedEarly(report: ExitReport, phase: StartPhase): BulkheadError {
  return new BulkheadError(
    report.code ?? ErrorCode.PLUGIN_EXITED,
    `the plugin's process ended while ${phase} (${describeExit(report)})${quoteLines(report.lastLines)}`,
    {
      retryable: true,
      details: { exitCode: report.exitCode, signal: report.signal, lastLines: report.lastLines },
    },
  );
}

export function startTimedOut(startTimeoutMs: number, phase: StartPhase): BulkheadError {
  return new BulkheadError(
    ErrorCode.START_TIMEOUT,
    `the plugin was not ready within ${startTimeoutMs} ms: it was still ${phase}; its process group was killed. ` +
      'Look at its last lines, or raise its start timeout',
    { retryable: true, details: { phase } },
  );
}

function describeExit(report: ExitReport): string {
  if (report.code !== undefined && report.reason !== undefined) return report.reason;
  if (report.signal !== null) return `signal ${report.signal}`;
  return report.exitCode === null ? 'no exit status' : `exit code ${report.exitCode}`;
}

function quoteLines(lines: readonly string[]): string {
  if (lines.length === 0) return '; it printed nothing';
  return `; its last lines:\n${lines.slice(-MAX_QUOTED_LINES).join('\n')}`;
}

/**
 * TLS failures reach gRPC's caller as texts only. Any of these while the first call is made means that the plugin
 * does not show the certificate that it announced, or speaks plaintext.
 */
export const TLS_FAILURE = /certificate|\bSSL\b|\bTLS\b|tlsv1|EPROTO|wrong version number/i;

/**
 * What grpc-js says when the other side closes during the first exchange: with TLS 1.3 that is how a server refuses
 * the client's certificate, and whether its alert or the reset of the connection is read first is a matter of luck.
 * A process that ends then looks the same, so look for that first.
 */
export const CLOSED_AFTER_TLS =
  /Failed to connect|ECONNRESET|EPIPE|socket hang up|Connection dropped|Connection closed|before secure TLS/i;

/** The error of a first call as a refused certificate, when its text fits. */
export function asCertificateError(error: unknown, text: RegExp): unknown {
  if (!isBulkheadError(error) || error.code !== ErrorCode.PLUGIN_UNAVAILABLE) return error;
  if (!text.test(error.message)) return error;
  return new BulkheadError(
    ErrorCode.CERTIFICATE_REFUSED,
    'expected the plugin to serve mTLS with the certificate that its handshake line announced and to accept the ' +
      `host's from PLUGIN_CLIENT_CERT; the connection failed: ${error.message}`,
    { cause: error },
  );
}

/** The same error with what is known of the process, for whoever reads the log. */
export function withReport(error: BulkheadError, report: ExitReport): BulkheadError {
  return new BulkheadError(error.code, error.message, {
    cause: error.cause ?? error,
    retryable: error.retryable,
    problems: error.problems,
    ...(error.field === undefined ? {} : { field: error.field }),
    details: { lastLines: report.lastLines, ...error.details },
  });
}
