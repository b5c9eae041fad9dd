import { isDeepStrictEqual } from 'node:util';
import { BulkheadError, ErrorCode, type Problem } from '@bulkhead/proto';
import { JsonText } from '@bulkhead/proto/json';
import {
  HOOK_NAME,
  customHookSpec,
  isBuiltInHook,
  isPlainObject,
  type HookSpec,
  type Payload,
} from '@bulkhead/proto/rules';
import { compileSchema } from '@bulkhead/proto/rules/schema';
import type { CustomHookDeclaration } from '../manifest/manifest.js';

/** Says what is wrong with a payload under its hook's schema, or undefined. */
export type PayloadCheck = (payload: Payload) => string | undefined;

export interface CompiledCustomHook {
  readonly spec: HookSpec;
  readonly check: PayloadCheck;
}

/**
 * Compiles the custom hooks of embedder, configuration and manifests. Two equal declarations of one name are one hook.
 *
 * @param problems - takes every fault; a hook with one is left out
 */
export function compileCustomHooks(
  declarations: readonly CustomHookDeclaration[],
  problems: Problem[],
): ReadonlyMap<string, CompiledCustomHook> {
  const compiled = new Map<string, CompiledCustomHook>();
  const seen = new Map<string, CustomHookDeclaration>();
  for (const declaration of declarations) {
    const known = seen.get(declaration.name);
    if (known !== undefined && isDeepStrictEqual(known, declaration)) continue;
    const fault =
      known === undefined ? faultOf(declaration) : 'is declared twice, differently; rename one of them';
    if (fault !== undefined) {
      problems.push({
        code: ErrorCode.CONFIG_INVALID,
        message: `custom hook '${declaration.name}' ${fault}`,
        path: `custom_hooks.${declaration.name}`,
      });
      continue;
    }
    seen.set(declaration.name, declaration);
    try {
      compiled.set(declaration.name, compile(declaration));
    } catch (error) {
      problems.push({
        code: ErrorCode.CONFIG_INVALID,
        message: `custom hook '${declaration.name}': ${error instanceof Error ? error.message : String(error)}`,
        path: `custom_hooks.${declaration.name}.payload`,
      });
    }
  }
  return compiled;
}

function faultOf({ name, payload, writable }: CustomHookDeclaration): string | undefined {
  if (!HOOK_NAME.test(name)) return 'has no good name; expected lower-case letters, digits and _, at most 63';
  if (isBuiltInHook(name)) return 'has the name of a built-in hook; rename it';
  const { properties } = payload;
  if (!isPlainObject(properties))
    return 'needs a payload schema with `properties`: each property is a member of the payload';
  const stray = writable?.find((member) => !Object.hasOwn(properties, member));
  return stray === undefined
    ? undefined
    : `lists '${stray}' as writable, which is no property of its payload`;
}

function compile({ name, payload, writable }: CustomHookDeclaration): CompiledCustomHook {
  const members = Object.keys(isPlainObject(payload['properties']) ? payload['properties'] : {});
  const validate = compileSchema(payload);
  return {
    spec: customHookSpec({ name, members, ...(writable === undefined ? {} : { writable }) }),
    check: (given) => {
      const value: Record<string, unknown> = {};
      for (const [key, item] of Object.entries(given)) {
        if (item !== undefined)
          value[key] = item instanceof JsonText ? (JSON.parse(item.text) as unknown) : plainJson(item);
      }
      if (validate(value)) return undefined;
      return (validate.errors ?? [])
        .map(
          ({ instancePath, message }) =>
            `${instancePath === '' ? 'payload' : instancePath} ${message ?? 'is wrong'}`,
        )
        .join('; ');
    },
  };
}

/** As JSON has it: dates as text, numbers with a source text as numbers. */
function plainJson(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? (JSON.parse(JSON.stringify(value)) as unknown) : value;
}

/** @throws BulkheadError INVALID_PAYLOAD */
export function assertCustomPayload(spec: HookSpec, check: PayloadCheck, payload: Payload): void {
  const fault = check(payload);
  if (fault !== undefined) {
    throw new BulkheadError(ErrorCode.INVALID_PAYLOAD, `payload of ${spec.name}: ${fault}`);
  }
}
