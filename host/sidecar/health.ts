import { BulkheadError, ErrorCode, isBulkheadError } from '@bulkhead/proto';
import {
  CheckHealthRequest,
  CheckHealthResponse,
  HealthCheckRequest,
  HealthCheckResponse,
  HealthCheckResponse_ServingStatus,
  HealthState,
} from '@bulkhead/proto/plugin';
import { readAnswer } from './read-message.js';
import type { Transport } from './transport.js';

export const CHECK_PATH = '/bulkhead.plugin.v1.PluginService/CheckHealth';
const STANDARD_CHECK_PATH = '/grpc.health.v1.Health/Check';
/** go-plugin's name for the plugin as a whole. */
const STANDARD_SERVICE = 'plugin';

/** Asks for health by our own call, or by gRPC's standard one where a plugin serves only that. */
export function createHealthCheck(transport: Transport): (timeoutMs: number) => Promise<CheckHealthResponse> {
  let standardOnly = false;
  return async (timeoutMs) => {
    if (!standardOnly) {
      try {
        const body = CheckHealthRequest.encode({}).finish();
        return readAnswer(CheckHealthResponse, await transport.call(CHECK_PATH, body, { timeoutMs }));
      } catch (error) {
        if (!isBulkheadError(error) || error.code !== ErrorCode.UNKNOWN_METHOD) throw error;
        standardOnly = true;
      }
    }
    const report = await askStandard(transport, timeoutMs);
    if (report === undefined)
      throw new BulkheadError(ErrorCode.UNKNOWN_METHOD, 'the plugin serves no health check');
    return report;
  };
}

/** @returns undefined when the plugin does not serve it */
export async function askStandard(
  transport: Transport,
  timeoutMs: number,
): Promise<CheckHealthResponse | undefined> {
  const request = HealthCheckRequest.encode({ service: STANDARD_SERVICE }).finish();
  let answer: Uint8Array;
  try {
    answer = await transport.call(STANDARD_CHECK_PATH, request, { timeoutMs });
  } catch (error) {
    if (isBulkheadError(error) && error.code === ErrorCode.UNKNOWN_METHOD) return undefined;
    throw error;
  }
  const { status } = readAnswer(HealthCheckResponse, answer);
  const serving = status === HealthCheckResponse_ServingStatus.SERVING;
  return {
    state: serving ? HealthState.HEALTH_STATE_HEALTHY : HealthState.HEALTH_STATE_UNHEALTHY,
    message: serving ? '' : `grpc.health.v1 answers ${status} for '${STANDARD_SERVICE}', not SERVING`,
    eventLoopDelayP99Us: 0,
    inFlight: 0,
  };
}
