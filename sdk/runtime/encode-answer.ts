import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { Decision, InvokeResponse } from '@bulkhead/proto/plugin';
import {
  checkAnswer,
  customHookSpec,
  encodePayload,
  isPlainObject,
  type CheckedAnswer,
  type HookSpec,
} from '@bulkhead/proto/rules';
import { CallContextView, type CallWrites } from './call-context.js';
import { violationToWire } from './wire-violation.js';

const ALLOWED = new Uint8Array(0);
const NO_PAYLOAD = new Uint8Array(0);

/**
 * What a handler returned, checked and encoded. Allowing without a word is no bytes at all.
 *
 * @throws BulkheadError INVALID_ANSWER
 */
export function encodeAnswer(
  hook: string,
  spec: HookSpec | undefined,
  answer: unknown,
  context: CallContextView,
): Uint8Array {
  const writes = CallContextView.writesOf(context);
  if ((answer === undefined || answer === null) && (writes === undefined || isEmpty(writes))) return ALLOWED;
  const rules = spec ?? openSpec(hook, answer);
  const checked = checkAnswer(rules, answer);
  return InvokeResponse.encode({
    ...decisionFields(rules, checked),
    state: writes?.state ?? {},
    shared: writes?.shared ?? {},
    metadata: writes?.metadata ?? {},
  }).finish();
}

function decisionFields(
  spec: HookSpec,
  checked: CheckedAnswer,
): Pick<InvokeResponse, 'decision' | 'changed' | 'payload' | 'violation'> {
  switch (checked.kind) {
    case 'allow':
      return {
        decision: Decision.DECISION_UNSPECIFIED,
        changed: [],
        payload: NO_PAYLOAD,
        violation: undefined,
      };
    case 'modify':
      return {
        decision: Decision.DECISION_MODIFY,
        changed: [...checked.changed],
        payload: encodePayload(spec, checked.changes, checked.changed),
        violation: undefined,
      };
    case 'deny':
      return {
        decision: Decision.DECISION_DENY,
        changed: [],
        payload: NO_PAYLOAD,
        violation: violationToWire(checked.violation),
      };
    default:
      throw new BulkheadError(ErrorCode.INTERNAL, 'an answer of no known kind');
  }
}

/** Rules for a custom hook that somebody else declares: every member may be named here, and the host decides. */
function openSpec(name: string, answer: unknown): HookSpec {
  const changes = isPlainObject(answer) ? answer['changes'] : undefined;
  return customHookSpec({ name, members: isPlainObject(changes) ? Object.keys(changes) : [] });
}

function isEmpty(writes: CallWrites): boolean {
  return !hasEntry(writes.state) && !hasEntry(writes.shared) && !hasEntry(writes.metadata);
}

function hasEntry(record: Readonly<Record<string, string>>): boolean {
  for (const _ in record) return true;
  return false;
}
