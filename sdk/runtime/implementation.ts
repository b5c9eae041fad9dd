import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import {
  HOOKS,
  HOOK_NAME,
  OBJECT_HOOKS,
  OBJECT_TYPES,
  describe,
  isBuiltInHook,
  isPlainObject,
  type HookSpec,
  type ObjectHook,
  type ObjectType,
  type Registered,
} from '@bulkhead/proto/rules';
import type { DeclaredManifest } from './declared-manifest.js';
import { createViewClass, type ViewClass } from './payload-view.js';

export type Handler = (payload: object, context: object) => unknown;
export type BatchHandler = (items: readonly object[], context: object) => unknown;
type Callable = (...args: readonly unknown[]) => unknown;

/** One hook that the plugin handles, ready to be called. */
export interface RegisteredHook {
  readonly name: string;
  /** Undefined for a custom hook that somebody else declares. */
  readonly spec: HookSpec | undefined;
  readonly View: ViewClass | undefined;
  readonly handler: Handler | undefined;
  readonly batchHandler: BatchHandler | undefined;
}

export interface RegisteredObjectHook {
  readonly object: ObjectType;
  readonly hook: ObjectHook;
  /** 0 when the code says none. */
  readonly priority: number;
  readonly handler: Callable;
}

/** What setup returned, checked. Handlers are by name, object hooks as `llm.before_create`, routes as `GET /path`. */
export interface Implementation {
  readonly hooks: ReadonlyMap<string, RegisteredHook>;
  readonly objectHooks: ReadonlyMap<string, RegisteredObjectHook>;
  readonly tools: ReadonlyMap<string, Callable>;
  readonly commands: ReadonlyMap<string, Callable>;
  readonly routes: ReadonlyMap<string, Callable>;
  readonly rpc: ReadonlyMap<string, Callable>;
  readonly schedules: ReadonlyMap<string, Callable>;
  readonly events: ReadonlyMap<string, Callable>;
  readonly health: (() => unknown) | undefined;
  readonly shutdown: (() => unknown) | undefined;
}

/** The handler of schedules that the plugin made itself. */
export const ANY_SCHEDULE = '*';

const KEYS = [
  'hooks',
  'batch',
  'objectHooks',
  'tools',
  'commands',
  'routes',
  'rpc',
  'schedules',
  'events',
  'health',
  'shutdown',
];
const ROUTE_KEY = /^[A-Z]+ \/\S*$/;
const MAX_PRIORITY = 0xffff_ffff;

/**
 * Checks what an author's setup function returned.
 *
 * @throws BulkheadError SETUP_FAILED that says what was expected and what came
 */
export function parseImplementation(value: unknown, declared: DeclaredManifest | undefined): Implementation {
  if (!isPlainObject(value)) throw wrong(`expected an object {${KEYS.join(', ')}}, got ${describe(value)}`);
  for (const key of Object.keys(value)) {
    if (!KEYS.includes(key)) throw wrong(`unknown key '${key}'; expected ${KEYS.join(', ')}`);
  }
  const routes = parseHandlers('routes', value['routes']);
  for (const key of routes.keys()) {
    if (!ROUTE_KEY.test(key)) throw wrong(`routes: expected 'GET /path' or the like, got '${key}'`);
  }
  return {
    hooks: parseHooks(value, declared),
    objectHooks: parseObjectHooks(value['objectHooks']),
    tools: parseHandlers('tools', value['tools']),
    commands: parseHandlers('commands', value['commands']),
    routes,
    rpc: parseHandlers('rpc', value['rpc']),
    schedules: parseHandlers('schedules', value['schedules']),
    events: parseHandlers('events', value['events']),
    health: parseFunction('health', value['health'], value),
    shutdown: parseFunction('shutdown', value['shutdown'], value),
  };
}

/** What the code registers of each kind, as the manifest's declarations are named. */
export function registeredBy(implementation: Implementation): Registered {
  return {
    hook: [...implementation.hooks.keys()],
    'object hook': [...implementation.objectHooks.keys()],
    tool: [...implementation.tools.keys()],
    command: [...implementation.commands.keys()],
    route: [...implementation.routes.keys()],
    'RPC method': [...implementation.rpc.keys()],
    schedule: [...implementation.schedules.keys()].filter((name) => name !== ANY_SCHEDULE),
  };
}

function parseHooks(
  value: Readonly<Record<string, unknown>>,
  declared: DeclaredManifest | undefined,
): ReadonlyMap<string, RegisteredHook> {
  const handlers = parseHandlers('hooks', value['hooks']);
  const batchHandlers = parseHandlers('batch', value['batch']);
  const hooks = new Map<string, RegisteredHook>();
  for (const name of new Set([...handlers.keys(), ...batchHandlers.keys()])) {
    if (!HOOK_NAME.test(name)) throw wrong(`hooks: '${name}' is no hook's name`);
    const spec = isBuiltInHook(name) ? HOOKS[name] : declared?.customSpecs.get(name);
    hooks.set(name, {
      name,
      spec,
      View: spec === undefined ? undefined : createViewClass(spec),
      handler: handlers.get(name),
      batchHandler: batchHandlers.get(name),
    });
  }
  return hooks;
}

function parseObjectHooks(value: unknown): ReadonlyMap<string, RegisteredObjectHook> {
  const found = new Map<string, RegisteredObjectHook>();
  for (const [type, handlers] of entriesOf('objectHooks', value)) {
    const object = OBJECT_TYPES.find((name) => name === type);
    if (object === undefined) {
      throw wrong(`objectHooks: '${type}' is no kind of object; expected ${OBJECT_TYPES.join(', ')}`);
    }
    const path = `objectHooks.${type}`;
    const { priority, ...rest } = Object.fromEntries(entriesOf(path, handlers));
    if (priority !== undefined && !isPriority(priority)) {
      throw wrong(`${path}.priority: expected a whole number from 0, got ${describe(priority)}`);
    }
    for (const [name, handler] of Object.entries(rest)) {
      const hook = OBJECT_HOOKS.find((known) => known === name);
      if (hook === undefined) {
        throw wrong(`${path}: '${name}' is no object hook; expected ${OBJECT_HOOKS.join(', ')}`);
      }
      const checked = parseFunction(`${path}.${name}`, handler, Object(handlers));
      if (checked === undefined) continue;
      found.set(`${object}.${hook}`, { object, hook, priority: priority ?? 0, handler: checked });
    }
  }
  return found;
}

function isPriority(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_PRIORITY;
}

function parseHandlers(key: string, value: unknown): ReadonlyMap<string, Callable> {
  const handlers = new Map<string, Callable>();
  for (const [name, handler] of entriesOf(key, value)) {
    const checked = parseFunction(`${key}.${name}`, handler, Object(value));
    if (checked !== undefined) handlers.set(name, checked);
  }
  return handlers;
}

function entriesOf(key: string, value: unknown): readonly (readonly [string, unknown])[] {
  if (value === undefined) return [];
  if (!isPlainObject(value)) throw wrong(`${key}: expected an object of functions, got ${describe(value)}`);
  return Object.entries(value);
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
