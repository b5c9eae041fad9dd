import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import {
  HOOKS,
  HOOK_NAME,
  describe,
  isBuiltInHook,
  isPlainObject,
  type HookSpec,
} from '@bulkhead/proto/rules';
import type { DeclaredHooks } from './declared-hooks.js';
import { createViewClass, type ViewClass } from './payload-view.js';

export type Handler = (payload: object, context: object) => unknown;
export type BatchHandler = (items: readonly object[], context: object) => unknown;

/** One hook that the plugin handles, ready to be called. */
export interface RegisteredHook {
  readonly name: string;
  /** Undefined for a custom hook that somebody else declares. */
  readonly spec: HookSpec | undefined;
  readonly View: ViewClass | undefined;
  readonly handler: Handler | undefined;
  readonly batchHandler: BatchHandler | undefined;
}

/** What setup returned, checked. */
export interface Implementation {
  readonly hooks: ReadonlyMap<string, RegisteredHook>;
  readonly health: (() => unknown) | undefined;
  readonly shutdown: (() => unknown) | undefined;
}

type Callable = (...args: readonly unknown[]) => unknown;
const KEYS = ['hooks', 'batch', 'health', 'shutdown'];

/**
 * Checks what an author's setup function returned.
 *
 * @throws BulkheadError SETUP_FAILED that says what was expected and what came
 */
export function parseImplementation(value: unknown, declared: DeclaredHooks | undefined): Implementation {
  if (!isPlainObject(value)) throw wrong(`expected an object {${KEYS.join(', ')}}, got ${describe(value)}`);
  for (const key of Object.keys(value)) {
    if (!KEYS.includes(key)) throw wrong(`unknown key '${key}'; expected ${KEYS.join(', ')}`);
  }
  const handlers = parseHandlers('hooks', value['hooks']);
  const batchHandlers = parseHandlers('batch', value['batch']);
  const hooks = new Map<string, RegisteredHook>();
  for (const name of new Set([...handlers.keys(), ...batchHandlers.keys()])) {
    const spec = isBuiltInHook(name) ? HOOKS[name] : declared?.customSpecs.get(name);
    hooks.set(name, {
      name,
      spec,
      View: spec === undefined ? undefined : createViewClass(spec),
      handler: handlers.get(name),
      batchHandler: batchHandlers.get(name),
    });
  }
  return {
    hooks,
    health: parseFunction('health', value['health'], value),
    shutdown: parseFunction('shutdown', value['shutdown'], value),
  };
}

function parseHandlers(key: string, value: unknown): ReadonlyMap<string, Callable> {
  const handlers = new Map<string, Callable>();
  if (value === undefined) return handlers;
  if (!isPlainObject(value)) throw wrong(`${key}: expected an object of functions, got ${describe(value)}`);
  for (const [name, handler] of Object.entries(value)) {
    if (!HOOK_NAME.test(name)) throw wrong(`${key}: '${name}' is no hook's name`);
    const checked = parseFunction(`${key}.${name}`, handler, value);
    if (checked !== undefined) handlers.set(name, checked);
  }
  return handlers;
}

/** Bound to the object that it is a member of, so that `this` means what an author expects. */
function parseFunction(path: string, value: unknown, owner: object): Callable | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'function') throw wrong(`${path}: expected a function, got ${describe(value)}`);
  return (...args) => Reflect.apply(value, owner, args);
}

function wrong(what: string): BulkheadError {
  return new BulkheadError(ErrorCode.SETUP_FAILED, `what the setup function returned: ${what}`);
}
