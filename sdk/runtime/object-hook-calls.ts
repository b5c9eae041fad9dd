import { parseJson, stringifyJson } from '@bulkhead/proto/json';
import { Decision, InvokeObjectHookRequest, InvokeObjectHookResponse } from '@bulkhead/proto/plugin';
import { isPlainObject, type ObjectHook, type ObjectType } from '@bulkhead/proto/rules';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { KeptValues } from '../hook-context.js';
import { handleCall } from './handle-call.js';
import type { RegisteredObjectHook } from './implementation.js';
import type { IncomingCall } from './incoming.js';
import { CallValues, createWritten } from './kept-values.js';
import { applyObjectChanges, readObjectAnswer, type ReadObjectAnswer } from './object-answer.js';
import { violationToWire } from './wire-violation.js';
import { WorkView, type CallEnvironment } from './work-context.js';

type Source = Readonly<Record<string, unknown>>;

/** The context of one object hook's call. */
class ObjectHookView extends WorkView {
  readonly objectType: ObjectType;
  readonly hook: ObjectHook;
  /** Notes that the handler wrote, as JSON text by name. */
  readonly #written = createWritten();
  readonly #request: InvokeObjectHookRequest;
  readonly #given: Readonly<Record<string, string>>;

  constructor(
    { object, hook }: RegisteredObjectHook,
    request: InvokeObjectHookRequest,
    incoming: IncomingCall,
    environment: CallEnvironment,
  ) {
    super(incoming, environment);
    this.objectType = object;
    this.hook = hook;
    this.#request = request;
    const notes = readObject('metadata_json', request.metadataJson || '{}');
    this.#given = Object.fromEntries(
      Object.entries(notes).map(([key, value]) => [key, stringifyJson(value)]),
    );
  }

  get objectId(): string | undefined {
    return this.#request.objectId === '' ? undefined : this.#request.objectId;
  }

  get previous(): Source | undefined {
    const { previousJson } = this.#request;
    return previousJson === '' ? undefined : readObject('previous_json', previousJson);
  }

  get operationId(): string {
    return this.#request.operationId;
  }

  get userId(): string | undefined {
    return this.#request.userId === '' ? undefined : this.#request.userId;
  }

  get metadata(): KeptValues {
    return new CallValues(this.#given, this.#written, false);
  }

  get dryRun(): boolean {
    return this.#request.dryRun;
  }

  static notesOf(context: ObjectHookView): Record<string, string> {
    return { ...context.#written };
  }
}

/** Runs one object hook: bytes in, bytes out. */
export function runObjectHook(
  body: Uint8Array,
  incoming: IncomingCall,
  hooks: ReadonlyMap<string, RegisteredObjectHook>,
  environment: CallEnvironment,
): Promise<Uint8Array> {
  const request = InvokeObjectHookRequest.decode(body);
  const name = `${request.objectType}.${request.hook}`;
  const registered = hooks.get(name);
  if (registered === undefined) {
    throw new BulkheadError(
      ErrorCode.UNKNOWN_HOOK,
      `this plugin handles no object hook '${name}'; it handles ${[...hooks.keys()].join(', ') || 'none'}`,
    );
  }
  const context = new ObjectHookView(registered, request, incoming, environment);
  return handleCall(
    name,
    () => context.log,
    environment,
    async () => {
      const object = readObject('object_json', request.objectJson);
      const answer: unknown = await registered.handler(object, context);
      const checked = readObjectAnswer(registered.object, registered.hook, answer);
      return InvokeObjectHookResponse.encode({
        ...decisionFields(object, checked),
        metadata: ObjectHookView.notesOf(context),
      }).finish();
    },
  );
}

function decisionFields(
  object: Source,
  checked: ReadObjectAnswer,
): Omit<InvokeObjectHookResponse, 'metadata'> {
  switch (checked.kind) {
    case 'modify':
      return {
        decision: Decision.DECISION_MODIFY,
        objectJson: stringifyJson(applyObjectChanges(object, checked.changes)),
        violation: undefined,
      };
    case 'deny':
      return {
        decision: Decision.DECISION_DENY,
        objectJson: '',
        violation: violationToWire(checked.violation),
      };
    default:
      return { decision: Decision.DECISION_UNSPECIFIED, objectJson: '', violation: undefined };
  }
}

function readObject(field: string, text: string): Source {
  const value: unknown = parseJson(text);
  if (isPlainObject(value)) return value;
  throw new BulkheadError(ErrorCode.PROTOCOL_ERROR, `${field}: expected the JSON text of an object`);
}
