import {
  HOOK_NAME,
  customHookSpec,
  isBuiltInHook,
  isPlainObject,
  type HookSpec,
} from '@bulkhead/proto/rules';
import { compileSchema, type Keys } from '@bulkhead/proto/rules/schema';
import type { CustomHookDeclaration } from '../manifest/manifest.js';
import type { BulkheadFile } from './bulkhead-file.js';
import type { FoundPlugin } from './lookup.js';
import type { Report } from './report.js';

/** Hooks that anybody declares, each once; two different declarations of one name are a fault. */
export function collectHooks(
  file: BulkheadFile,
  found: ReadonlyMap<string, FoundPlugin>,
  embedded: readonly CustomHookDeclaration[],
  report: Report,
): readonly CustomHookDeclaration[] {
  const hooks = new Map<string, CustomHookDeclaration>();
  const add = (hook: CustomHookDeclaration, keys: Keys): void => {
    const usable = resolveCustomHook(hook, keys, report);
    if (usable === undefined) return;
    const known = hooks.get(hook.name);
    if (known === undefined) hooks.set(hook.name, usable);
    else if (JSON.stringify(known) !== JSON.stringify(hook)) {
      report.problem(
        keys,
        `the hook '${hook.name}' is declared twice, and differently. Keep one declaration, or make them equal.`,
      );
    }
  };
  for (const hook of embedded) add(hook, ['custom_hooks', hook.name]);
  for (const [name, told] of Object.entries(file.custom_hooks ?? {}))
    add({ name, ...told }, ['custom_hooks', name]);
  for (const [name, { manifest }] of found)
    for (const hook of manifest.customHooks) add(hook, ['plugins', name]);
  return [...hooks.values()];
}

/** What dispatch and the checks know of a declared hook. */
export function specOfCustom(hook: CustomHookDeclaration): HookSpec {
  const properties = hook.payload['properties'];
  return customHookSpec({
    name: hook.name,
    members: isPlainObject(properties) ? Object.keys(properties) : [],
    ...(hook.writable === undefined ? {} : { writable: hook.writable }),
  });
}

/** Checks one declared hook; undefined when it cannot be used. */
function resolveCustomHook(
  declared: CustomHookDeclaration,
  keys: Keys,
  report: Pick<Report, 'problem'>,
): CustomHookDeclaration | undefined {
  const { name, payload, writable = [] } = declared;
  const refuse = (at: Keys, message: string): undefined => {
    report.problem([...keys, ...at], message);
  };
  if (!HOOK_NAME.test(name)) return refuse([], `expected a hook name such as order_placed, got '${name}'.`);
  if (isBuiltInHook(name)) return refuse([], `the hook '${name}' is built in; give yours another name.`);
  const properties = payload['properties'];
  if (!isPlainObject(properties)) return refuse(['payload'], 'expected a JSON Schema with properties.');
  try {
    compileSchema(payload);
  } catch (error) {
    return refuse(
      ['payload'],
      `the schema cannot be used: ${error instanceof Error ? error.message : String(error)}.`,
    );
  }
  for (const [index, member] of writable.entries()) {
    if (!Object.hasOwn(properties, member))
      return refuse(['writable', index], `'${member}' is no member of the payload.`);
  }
  return declared;
}
