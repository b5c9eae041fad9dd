import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { parseJson } from '@bulkhead/proto/json';
import {
  customHookSpec,
  declaredRegistrations,
  isPlainObject,
  readContributions,
  type Declared,
  type HookSpec,
} from '@bulkhead/proto/rules';

/** What a manifest says, as far as the plugin's own side must know. */
export interface DeclaredManifest {
  readonly registrations: Declared;
  /** Rules of the custom hooks that the manifest declares, by name. */
  readonly customSpecs: ReadonlyMap<string, HookSpec>;
}

/**
 * Reads what a manifest declares; the host has validated it. Undefined without a manifest, as under a foreign host.
 *
 * @throws BulkheadError MANIFEST_INVALID
 */
export function parseDeclaredManifest(manifestJson: string): DeclaredManifest | undefined {
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
  return {
    registrations: declaredRegistrations(hookNames(manifest['hooks']), readContributions(manifest)),
    customSpecs: customSpecs(manifest),
  };
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
