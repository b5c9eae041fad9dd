import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import {
  Decision,
  InvokeObjectHookRequest,
  InvokeObjectHookResponse,
  type Violation as WireViolation,
} from '@bulkhead/proto/plugin';
import {
  checkObjectAnswer,
  redactObject,
  type CheckedObjectAnswer,
  type ObjectAnswer,
  type ObjectHook,
  type ObjectType,
} from '@bulkhead/proto/rules';
import type { HookDepths } from './hook-depth.js';
import { assertRuns, type HookedPlugin } from './hook-list.js';
import type { NotesByPlugin } from './object-rows.js';
import { readAnswer } from '../sidecar/read-message.js';

/** Longest run of one object hook, in milliseconds. */
export const OBJECT_HOOK_TIMEOUT_MS = 5_000;
const INVOKE = '/bulkhead.plugin.v1.ObjectHookService/InvokeObjectHook';
const SEES_SECRETS = 'objects.secrets';
const READS_USER = 'read_user';

/** What one run of an object hook is told, before it is known who is told. */
export interface HookTold {
  readonly type: ObjectType;
  readonly hook: ObjectHook;
  /** Empty before the creation of an object whose id the host makes. */
  readonly objectId: string;
  /** In clear. */
  readonly object: object;
  readonly previous?: object;
  readonly userId: string;
  readonly operationId: string;
  readonly notes: NotesByPlugin;
  readonly dryRun: boolean;
  readonly depth: number;
}

/** The object as this plugin may see it. */
export function shownTo({ config }: HookedPlugin, told: HookTold): Readonly<Record<string, unknown>> {
  const { id: _id, ...rest } = { id: '', ...told.object };
  const shown = config.grantedScopes.includes(SEES_SECRETS) ? rest : redactObject(told.type, rest);
  return told.objectId === '' ? shown : { id: told.objectId, ...shown };
}

/**
 * Runs one object hook of one plugin and checks its answer.
 *
 * @throws BulkheadError as the link does, INVALID_ANSWER; PERMISSION_DENIED when the hook is not granted to the plugin
 */
export async function callObjectHook(
  depths: HookDepths,
  plugin: HookedPlugin,
  told: HookTold,
  signal?: AbortSignal,
): Promise<CheckedObjectAnswer> {
  const { config, port } = plugin;
  assertRuns(config, told.type, told.hook);
  const seesSecrets = config.grantedScopes.includes(SEES_SECRETS);
  const shown = shownTo(plugin, told);
  const previous = told.previous;
  const body = InvokeObjectHookRequest.encode({
    objectType: told.type,
    hook: told.hook,
    objectId: told.objectId,
    objectJson: JSON.stringify(shown),
    previousJson:
      previous === undefined
        ? ''
        : JSON.stringify(seesSecrets ? previous : redactObject(told.type, previous)),
    userId: config.grantedContext.includes(READS_USER) ? told.userId : '',
    operationId: told.operationId,
    metadataJson: JSON.stringify(told.notes[config.manifest.id] ?? {}),
    dryRun: told.dryRun,
  }).finish();
  const leave = depths.enter(config.name, told.depth);
  let answered: Uint8Array;
  try {
    answered = await port.call(INVOKE, body, {
      timeoutMs: OBJECT_HOOK_TIMEOUT_MS,
      ...(signal === undefined ? {} : { signal }),
    });
  } finally {
    leave();
  }
  const name = `${told.type}.${told.hook}`;
  return checkObjectAnswer(name, told.hook, shown, readObjectAnswer(name, config.name, answered));
}

function readObjectAnswer(name: string, plugin: string, bytes: Uint8Array): ObjectAnswer {
  let response: InvokeObjectHookResponse;
  try {
    response = readAnswer(InvokeObjectHookResponse, bytes);
  } catch (error) {
    throw wrong(name, 'expected an InvokeObjectHookResponse, got bytes that are none', error);
  }
  const { decision, objectJson, violation, metadata: notes } = response;
  switch (decision) {
    case Decision.DECISION_UNSPECIFIED:
      return { decision: 'allow', notes };
    case Decision.DECISION_MODIFY:
      return { decision: 'modify', objectJson, notes };
    case Decision.DECISION_DENY:
      return { decision: 'deny', violation: readViolation(plugin, violation), notes };
    default:
      throw wrong(name, `expected a decision from 0 to 2, got ${String(decision)}`);
  }
}

/** What of a violation is told to whoever asked; its details are for pipelines, which have records for them. */
function readViolation(plugin: string, wire: WireViolation | undefined): Readonly<Record<string, unknown>> {
  const reason = wire?.reason ?? '';
  return {
    code: wire === undefined || wire.code === '' ? ErrorCode.DENIED : wire.code,
    reason: reason === '' ? `Refused by plugin '${plugin}', which gave no reason.` : reason,
    ...(wire === undefined || wire.description === '' ? {} : { description: wire.description }),
    ...(wire === undefined || wire.httpStatusCode === 0 ? {} : { http_status_code: wire.httpStatusCode }),
  };
}

function wrong(name: string, what: string, cause?: unknown): BulkheadError {
  return new BulkheadError(ErrorCode.INVALID_ANSWER, `answer to ${name}: ${what}`, { cause });
}
