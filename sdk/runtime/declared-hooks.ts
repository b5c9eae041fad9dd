import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { parseJson } from '@bulkhead/proto/json';
import { customHookSpec, isPlainObject, type HookSpec } from '@bulkhead/proto/rules';

/** What a manifest says about hooks, as far as the plugin's own side must know. */
export interface DeclaredHooks {
  readonly names: readonly string[];
  /** Rules of the custom hooks that the manifest declares, by name. */
  readonly customSpecs: ReadonlyMap<string, HookSpec>;
}

/**
 * Reads the hooks of a manifest; the host has validated the rest. Undefined without a manifest, as under a foreign host.
 *
 * @throws BulkheadError MANIFEST_INVALID
 */
export function parseDeclaredHooks(manifestJson: string): DeclaredHooks | undefined {
  if (manifestJson === '') return undefined;
  let manifest: unknown;
  try {
    manifest = parseJson(manifestJson);
  } catch (error) {
    throw new BulkheadError(ErrorCode.MANIFEST_INVALID, 'manifest_json: expected JSON text', {
      cause: error,
    });
  }
  if (!isPlainObject(manifest)) {
    throw new BulkheadError(ErrorCode.MANIFEST_INVALID, 'manifest_json: expected an object');
  }
  return { names: hookNames(manifest['hooks']), customSpecs: customSpecs(manifest) };
}

function hookNames(hooks: unknown): readonly string[] {
  if (Array.isArray(hooks)) return hooks.filter((name) => typeof name === 'string');
  return isPlainObject(hooks) ? Object.keys(hooks) : [];
}

function customSpecs(manifest: Readonly<Record<string, unknown>>): ReadonlyMap<string, HookSpec> {
  const contributes = manifest['contributes'];
  const declared = isPlainObject(contributes) ? contributes['custom_hooks'] : undefined;
  const specs = new Map<string, HookSpec>();
  for (const [name, hook] of namedHooks(declared)) {
    const payload = hook['payload'];
    const properties = isPlainObject(payload) ? payload['properties'] : undefined;
    const writable = hook['writable'];
    specs.set(
      name,
      customHookSpec({
        name,
        members: isPlainObject(properties) ? Object.keys(properties) : [],
        ...(Array.isArray(writable)
          ? { writable: writable.filter((member) => typeof member === 'string') }
          : {}),
      }),
    );
  }
  return specs;
}

/** The declared custom hooks, from a list of {name, …} or a map from name. */
function namedHooks(declared: unknown): readonly (readonly [string, Readonly<Record<string, unknown>>])[] {
  const entries: readonly (readonly [unknown, unknown])[] = Array.isArray(declared)
    ? declared.map((hook: unknown) => [isPlainObject(hook) ? hook['name'] : undefined, hook] as const)
    : Object.entries(isPlainObject(declared) ? declared : {});
  return entries.flatMap(([name, hook]) =>
    typeof name === 'string' && isPlainObject(hook) ? [[name, hook] as const] : [],
  );
}

/**
 * What is declared is what is registered, exactly.
 *
 * @throws BulkheadError REGISTRATION_MISMATCH that names both sides
 */
export function assertRegistered(declared: DeclaredHooks, registered: readonly string[]): void {
  const missing = declared.names.filter((name) => !registered.includes(name));
  const extra = registered.filter((name) => !declared.names.includes(name));
  if (missing.length === 0 && extra.length === 0) return;
  const advice = [
    ...(missing.length === 0 ? [] : [`write a handler for ${list(missing)} or take it out of the manifest`]),
    ...(extra.length === 0 ? [] : [`add ${list(extra)} to the manifest's hooks or remove the handler`]),
  ];
  throw new BulkheadError(
    ErrorCode.REGISTRATION_MISMATCH,
    `the manifest declares hooks ${list(declared.names)}; the code registers ${list(registered)}: ${advice.join('; ')}`,
  );
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'none' : [...names].toSorted().join(', ');
}
