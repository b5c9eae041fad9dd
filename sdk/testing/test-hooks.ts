import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import {
  HOOKS,
  customHookSpec,
  isBuiltInHook,
  isPlainObject,
  type HookSpec,
  type Payload,
} from '@bulkhead/proto/rules';
import { compileSchema, problemsFromAjv, type Manifest } from '@bulkhead/proto/rules/schema';

/** A hook with the rules that the host has for it. */
export interface TestHook {
  readonly spec: HookSpec;
  /** @throws BulkheadError with this code when the payload is against the hook's schema */
  assertPayload(payload: Payload, code: ErrorCode): void;
}

/** Finds a hook's rules: built in, declared by the manifest, or, for somebody else's, taken from the payload at hand. */
export function createTestHooks(manifest: Manifest): (hook: string, payload: unknown) => TestHook {
  const declared = new Map(
    manifest.customHooks.map((custom) => {
      const properties = custom.payload['properties'];
      const spec = customHookSpec({
        name: custom.name,
        members: isPlainObject(properties) ? Object.keys(properties) : [],
        ...(custom.writable === undefined ? {} : { writable: custom.writable }),
      });
      return [custom.name, { spec, assertPayload: createCheck(custom.name, custom.payload) }] as const;
    }),
  );
  return (hook, payload) => {
    if (isBuiltInHook(hook)) return { spec: HOOKS[hook], assertPayload: () => {} };
    const members = isPlainObject(payload) ? Object.keys(payload) : [];
    return declared.get(hook) ?? { spec: customHookSpec({ name: hook, members }), assertPayload: () => {} };
  };
}

function createCheck(name: string, schema: Readonly<Record<string, unknown>>): TestHook['assertPayload'] {
  const validate = compileSchema(schema);
  return (payload, code) => {
    // As the schema sees it: numbers that keep their source text are numbers.
    const value: unknown = JSON.parse(JSON.stringify(payload));
    if (validate(value)) return;
    const problems = problemsFromAjv(validate.errors ?? [], value, { code });
    const text = problems.map(({ path, message }) => `${path ?? ''} ${message}`.trim()).join('; ');
    throw new BulkheadError(code, `payload of ${name}: ${text}`, { problems });
  };
}
