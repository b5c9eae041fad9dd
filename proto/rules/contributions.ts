import { isPlainObject } from './payload.js';

export const OBJECT_TYPES = ['llm', 'datasource', 'tool', 'user', 'app'] as const;
export type ObjectType = (typeof OBJECT_TYPES)[number];

export const OBJECT_HOOKS = [
  'before_create',
  'after_create',
  'before_update',
  'after_update',
  'before_delete',
  'after_delete',
] as const;
export type ObjectHook = (typeof OBJECT_HOOKS)[number];

export type JsonSchemaObject = Readonly<Record<string, unknown>>;

export interface ObjectHookDeclaration {
  readonly object: ObjectType;
  readonly hooks: readonly ObjectHook[];
  /** Ascending. */
  readonly priority: number;
}

export interface ToolDeclaration {
  readonly name: string;
  readonly description: string;
  readonly input: JsonSchemaObject;
  readonly output?: JsonSchemaObject;
  readonly effect: 'read_only' | 'state_changing';
}

export interface CommandDeclaration {
  readonly name: string;
  readonly description: string;
  readonly input?: JsonSchemaObject;
}

export interface RouteDeclaration {
  /** Below `/plugins/<id>`; `{name}` stands for one part. */
  readonly path: string;
  readonly methods: readonly string[];
  readonly auth: 'app' | 'none';
  /** What an app must be allowed, when `auth` is `app`. */
  readonly scopes: readonly string[];
  readonly maxBodyBytes?: number;
  readonly timeoutMs?: number;
}

export interface McpServerDeclaration {
  readonly name: string;
  readonly command?: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly url?: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface ScheduleDeclaration {
  readonly name: string;
  /** Five fields. */
  readonly cron: string;
  /** IANA; default UTC. */
  readonly timezone: string;
  readonly timeoutMs?: number;
  /** A run that a crash cut short is repeated. */
  readonly retry: boolean;
  /** Fires that were missed while no host ran: none of them runs, or one for all. */
  readonly missed: 'skip' | 'once';
}

export interface RpcMethodDeclaration {
  readonly name: string;
  readonly input?: JsonSchemaObject;
  readonly output?: JsonSchemaObject;
  readonly minRole: 'viewer' | 'operator' | 'admin';
}

/** What a manifest declares beside hooks. */
export interface Contributions {
  /** Absent when the manifest has no such key: then the code says it, and an operator consents. */
  readonly objectHooks?: readonly ObjectHookDeclaration[];
  readonly tools: readonly ToolDeclaration[];
  readonly commands: readonly CommandDeclaration[];
  readonly routes: readonly RouteDeclaration[];
  readonly mcpServers: readonly McpServerDeclaration[];
  readonly schedules: readonly ScheduleDeclaration[];
  readonly rpcMethods: readonly RpcMethodDeclaration[];
}

/** Default priority of an object hook. */
export const DEFAULT_OBJECT_HOOK_PRIORITY = 100;

type Source = Readonly<Record<string, unknown>>;

/** Reads what a checked manifest contributes; what has a wrong kind is left out. Host and SDK both read it here. */
export function readContributions(manifest: Source): Contributions {
  const contributes = object(manifest['contributes']);
  const methods = object(object(manifest['rpc'])['methods']);
  return {
    ...(manifest['object_hooks'] === undefined
      ? {}
      : { objectHooks: objects(manifest['object_hooks']).flatMap(objectHook) }),
    tools: objects(contributes['tools']).map((tool) => ({
      name: text(tool['name']),
      description: text(tool['description']),
      input: object(tool['input']),
      ...(tool['output'] === undefined ? {} : { output: object(tool['output']) }),
      effect: tool['effect'] === 'read_only' ? 'read_only' : 'state_changing',
    })),
    commands: objects(contributes['commands']).map((command) => ({
      name: text(command['name']),
      description: text(command['description']),
      ...(command['input'] === undefined ? {} : { input: object(command['input']) }),
    })),
    routes: objects(contributes['routes']).map((route) => ({
      path: text(route['path']),
      methods: texts(route['methods']),
      auth: route['auth'] === 'none' ? 'none' : 'app',
      scopes: texts(route['scopes']),
      ...numberAt(route, 'max_body_bytes', 'maxBodyBytes'),
      ...numberAt(route, 'timeout_ms', 'timeoutMs'),
    })),
    mcpServers: Object.entries(object(contributes['mcp_servers'])).map(([name, value]) => {
      const server = object(value);
      return {
        name,
        ...textAt(server, 'command'),
        args: texts(server['args']),
        env: textMap(server['env']),
        ...textAt(server, 'url'),
        headers: textMap(server['headers']),
      };
    }),
    schedules: objects(contributes['schedules']).map((schedule) => ({
      name: text(schedule['name']),
      cron: text(schedule['cron']),
      timezone: text(schedule['timezone']) || 'UTC',
      ...numberAt(schedule, 'timeout_ms', 'timeoutMs'),
      retry: schedule['retry'] === true,
      missed: schedule['missed'] === 'once' ? 'once' : 'skip',
    })),
    rpcMethods: Object.entries(methods).map(([name, value]) => {
      const method = object(value);
      return {
        name,
        ...(method['input'] === undefined ? {} : { input: object(method['input']) }),
        ...(method['output'] === undefined ? {} : { output: object(method['output']) }),
        minRole: role(method['min_role']),
      };
    }),
  };
}

function objectHook(declared: Source): readonly ObjectHookDeclaration[] {
  const type = OBJECT_TYPES.find((name) => name === declared['object']);
  if (type === undefined) return [];
  const named = texts(declared['hooks']);
  const { priority } = declared;
  return [
    {
      object: type,
      hooks: OBJECT_HOOKS.filter((name) => named.includes(name)),
      priority: typeof priority === 'number' ? priority : DEFAULT_OBJECT_HOOK_PRIORITY,
    },
  ];
}

/** Each declared object hook by name, `llm.before_create`. */
export function objectHookNames(declared: readonly ObjectHookDeclaration[]): readonly string[] {
  return declared.flatMap(({ object: type, hooks }) => hooks.map((hook) => `${type}.${hook}`));
}

/** Of what is declared, the hooks of these names. */
export function pickObjectHooks(
  declared: readonly ObjectHookDeclaration[],
  names: readonly string[],
): readonly ObjectHookDeclaration[] {
  return declared.flatMap((declaration) => {
    const hooks = declaration.hooks.filter((hook) => names.includes(`${declaration.object}.${hook}`));
    return hooks.length === 0 ? [] : [{ ...declaration, hooks }];
  });
}

/** Whoever may do the most may do it, unless the manifest says less is enough. */
function role(value: unknown): RpcMethodDeclaration['minRole'] {
  return value === 'viewer' || value === 'operator' ? value : 'admin';
}

function object(value: unknown): Source {
  return isPlainObject(value) ? value : {};
}

function objects(value: unknown): readonly Source[] {
  return Array.isArray(value) ? value.filter(isPlainObject) : [];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function textMap(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(object(value)).flatMap(([key, item]) => (typeof item === 'string' ? [[key, item]] : [])),
  );
}

function textAt<Key extends string>(source: Source, key: Key): { readonly [K in Key]?: string } {
  const value = source[key];
  const found: { [K in Key]?: string } = {};
  if (typeof value === 'string' && value !== '') found[key] = value;
  return found;
}

function numberAt<Key extends string>(
  source: Source,
  from: string,
  to: Key,
): { readonly [K in Key]?: number } {
  const value = source[from];
  const found: { [K in Key]?: number } = {};
  if (typeof value === 'number') found[to] = value;
  return found;
}
