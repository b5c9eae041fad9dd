import type { BulkheadError } from '@bulkhead/proto';
import { ErrorCode } from '@bulkhead/proto';
import type { PluginRecord } from '../dispatch/invocation.js';
import type { HookTold } from './hook-call.js';
import type { HookedPlugin } from './hook-list.js';

/** What a run came to. */
export type RunReport = Pick<PluginRecord, 'requested' | 'effective' | 'status' | 'changed' | 'dropped'> & {
  readonly code?: string;
};

export const ALLOWED: RunReport = {
  requested: 'allow',
  effective: 'allow',
  status: 'completed',
  changed: [],
  dropped: [],
};

export function failedReport(error: BulkheadError, effective: PluginRecord['effective']): RunReport {
  const status = error.code === ErrorCode.DEADLINE_EXCEEDED ? 'timeout' : 'error';
  return { ...ALLOWED, effective, status, code: error.code };
}

/** The record of one run of an object hook; its request is the operation. */
export function createRecord(
  { config }: HookedPlugin,
  { type, hook, operationId }: Pick<HookTold, 'type' | 'hook' | 'operationId'>,
  report: RunReport,
  durationMs: number,
): PluginRecord {
  return {
    requestId: operationId,
    plugin: config.name,
    version: config.manifest.version,
    hook: `object.${type}.${hook}`,
    mode: config.objectHookMode,
    durationMs,
    ...report,
  };
}
