import { isDeepStrictEqual } from 'node:util';
import { BulkheadError, ErrorCode, isBulkheadError, type Problem } from '@bulkhead/proto';
import { JsonText } from '@bulkhead/proto/json';
import {
  HOOK_NAME,
  customHookSpec,
  isBuiltInHook,
  isPlainObject,
  type HookSpec,
  type Payload,
} from '@bulkhead/proto/rules';
import { compileSchema, createCostJudge } from '@bulkhead/proto/rules/schema';
import type { CustomHookDeclaration } from '../manifest/manifest.js';
import { tellProblems, type SchemaCheck } from '../schemas/schema-check.js';

type Schemas = Pick<SchemaCheck, 'problems'>;

/** Says what is wrong with a payload under its hook's schema, or undefined; later, where that may take long. */
export type PayloadCheck = (payload: Payload) => string | undefined | Promise<string | undefined>;

export interface CompiledCustomHook {
  readonly spec: HookSpec;
  readonly check: PayloadCheck;
}

/**
 * Compiles the custom hooks of embedder, configuration and manifests. Two equal declarations of one name are one hook.
 *
 * @param problems - takes every fault; a hook with one is left out
 * @param schemas checks what the event loop should not
 */
export function compileCustomHooks(
  declarations: readonly CustomHookDeclaration[],
  problems: Problem[],
  schemas: Schemas,
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
      compiled.set(declaration.name, compile(declaration, schemas));
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

/** Faults that are told of one payload, at most. */
const MAX_FAULTS = 10;

function compile({ name, payload, writable }: CustomHookDeclaration, schemas: Schemas): CompiledCustomHook {
  const members = Object.keys(isPlainObject(payload['properties']) ? payload['properties'] : {});
  const validate = compileSchema(payload);
  const isCheap = createCostJudge(payload);
  return {
    spec: customHookSpec({ name, members, ...(writable === undefined ? {} : { writable }) }),
    check: (given) => {
      const text = textOf(given);
      if (!isCheap(text.length)) return checkAside(schemas, payload, text);
      if (validate(JSON.parse(text))) return undefined;
      return (validate.errors ?? [])
        .slice(0, MAX_FAULTS)
        .map(
          ({ instancePath, message }) =>
            `${instancePath === '' ? 'payload' : instancePath} ${message ?? 'is wrong'}`,
        )
        .join('; ');
    },
  };
}

/** In the thread for it, which is ended with a check that takes too long. */
async function checkAside(
  schemas: Schemas,
  schema: CustomHookDeclaration['payload'],
  text: string,
): Promise<string | undefined> {
  try {
    const problems = await schemas.problems(schema, text, ErrorCode.INVALID_PAYLOAD);
    return problems.length === 0 ? undefined : tellProblems(problems);
  } catch (error) {
    if (isBulkheadError(error)) throw error;
    return error instanceof Error ? error.message : String(error);
  }
}

/** As JSON has it: dates as text, numbers with a source text as they stand there. */
function textOf(payload: Payload): string {
  const members = Object.entries(payload).flatMap(([key, value]) => {
    const text = value instanceof JsonText ? value.text : JSON.stringify(value);
    return text === undefined ? [] : [`${JSON.stringify(key)}:${text}`];
  });
  return `{${members.join(',')}}`;
}

/**
 * Refuses a payload in which `check` finds a fault.
 *
 * @returns undefined when it is good; where the check takes longer, a promise that rejects when it is not
 * @throws what `error` makes of the fault; RATE_LIMITED
 */
export function assertFits(
  check: PayloadCheck,
  payload: Payload,
  error: (fault: string) => BulkheadError,
): Promise<void> | undefined {
  const refuse = (fault: string | undefined): undefined => {
    if (fault !== undefined) throw error(fault);
  };
  const fault = check(payload);
  if (!(fault instanceof Promise)) return refuse(fault);
  const fits = fault.then(refuse);
  // Nobody may wait for it any more when it rejects.
  fits.catch(() => undefined);
  return fits;
}
