import { posix } from 'node:path';
import { matchesName, networkRules } from '../network.js';
import { isSchema } from './closed-schema.js';
import { SCOPES, resolveScope } from './scopes.js';

export interface FilesystemPermission {
  /** Normalized; an operator's path is absolute. */
  readonly path: string;
  readonly access: 'ro' | 'rw';
}

/** What a plugin asks for, or what it was given. A manifest says it under `permissions`. */
export interface Permissions {
  /** Scopes of the Service API; aliases already replaced. */
  readonly services: readonly string[];
  /** Parts of a request's context that it sees. */
  readonly context: readonly string[];
  /** `host:port`. */
  readonly network: readonly string[];
  /** Names of secrets. */
  readonly secrets: readonly string[];
  readonly filesystem: readonly FilesystemPermission[];
  readonly subprocess: boolean;
  /** Ids of plugins that it may configure. */
  readonly plugins: readonly string[];
  /** Whether it may contribute routes that need no credential. */
  readonly openRoutes: boolean;
  /** Object hooks that it runs, `llm.before_create`. A manifest asks by its own `object_hooks`; an operator may give `llm.*`. */
  readonly objectHooks: readonly string[];
}

export const NO_PERMISSIONS: Permissions = {
  services: [],
  context: [],
  network: [],
  secrets: [],
  filesystem: [],
  subprocess: false,
  plugins: [],
  openRoutes: false,
  objectHooks: [],
};

/** `permissions` as a manifest, a lock or a stored grant writes it. What is not there is not asked for. */
export function readPermissions(value: unknown): Permissions {
  const given = isSchema(value) ? value : {};
  return {
    services: [...new Set(texts(given['services']).map(canonicalScope))],
    context: texts(given['context']),
    network: texts(given['network']).map((target) => target.toLowerCase()),
    secrets: texts(given['secrets']),
    filesystem: list(given['filesystem']).flatMap(filesystem),
    subprocess: given['subprocess'] === true,
    plugins: texts(given['plugins']),
    openRoutes: given['open_routes'] === true,
    objectHooks: texts(given['object_hooks']),
  };
}

/** The same as plain data, without what is empty: for a lock, a grant or a program that reads JSON. */
export function writePermissions(permissions: Permissions): Readonly<Record<string, unknown>> {
  const { services, context, network, secrets, filesystem, subprocess, plugins } = permissions;
  const all = {
    services,
    context,
    network,
    secrets,
    filesystem,
    subprocess,
    plugins,
    open_routes: permissions.openRoutes,
    object_hooks: permissions.objectHooks,
  };
  return Object.fromEntries(
    Object.entries(all).filter(([, value]) => (Array.isArray(value) ? value.length > 0 : value === true)),
  );
}

/**
 * Each permission as one name, for example `services:kv.read`, `context:read_user`, `network:db.example:5432`,
 * `secrets:TOKEN`, `filesystem:ro:/srv/shared`, `subprocess`, `plugins:com.example.other`, `open_routes`,
 * `object_hooks:llm.before_create`.
 */
export function permissionNames(permissions: Permissions): readonly string[] {
  const { services, context, network, secrets, filesystem, subprocess, plugins } = permissions;
  return [
    ...services.map((scope) => `services:${scope}`),
    ...context.map((part) => `context:${part}`),
    ...network.map((target) => `network:${target}`),
    ...secrets.map((secret) => `secrets:${secret}`),
    ...filesystem.map(({ path, access }) => `filesystem:${access}:${path}`),
    ...(subprocess ? ['subprocess'] : []),
    ...plugins.map((plugin) => `plugins:${plugin}`),
    ...(permissions.openRoutes ? ['open_routes'] : []),
    ...permissions.objectHooks.map((hook) => `object_hooks:${hook}`),
  ];
}

/** The permissions of these names; a name that is none is left out. */
export function permissionsOf(names: Iterable<string>): Permissions {
  const parts = [...new Set(names)].map((name) => {
    const [, kind = '', rest = ''] = /^([a-z_]+)(?::(.+))?$/s.exec(name) ?? [];
    return { kind, rest };
  });
  const of = (kind: string): readonly string[] =>
    parts.flatMap((part) => (part.kind === kind && part.rest !== '' ? [part.rest] : []));
  const has = (kind: string): boolean => parts.some((part) => part.kind === kind && part.rest === '');
  return readPermissions({
    services: of('services'),
    context: of('context'),
    network: of('network'),
    secrets: of('secrets'),
    filesystem: of('filesystem').flatMap((rest) => {
      const [, access, path] = /^(r[ow]):(.+)$/s.exec(rest) ?? [];
      return path === undefined ? [] : [{ path, access }];
    }),
    subprocess: has('subprocess'),
    plugins: of('plugins'),
    open_routes: has('open_routes'),
    object_hooks: of('object_hooks'),
  });
}

/** What both sides allow: of what is asked, what was granted, and of the greater of two the lesser. */
export function intersectPermissions(a: Permissions, b: Permissions): Permissions {
  const others = permissionNames(b);
  const both = permissionNames(a).flatMap((name) => others.flatMap((other) => inCommon(name, other)));
  return permissionsOf(withoutRepetition(both));
}

/** What either side allows. */
export function unitePermissions(a: Permissions, b: Permissions): Permissions {
  return permissionsOf(withoutRepetition([...permissionNames(a), ...permissionNames(b)]));
}

/** What `permissions` hold beyond `others`. */
export function subtractPermissions(permissions: Permissions, others: Permissions): Permissions {
  const names = permissionNames(others);
  return permissionsOf(permissionNames(permissions).filter((name) => !isCovered(name, names)));
}

/** A change of what is asked, or the distance of what is asked from what was granted; in names. */
export interface PermissionChange {
  readonly widened: readonly string[];
  readonly narrowed: readonly string[];
  readonly same: readonly string[];
}

/** What `next` asks that `before` does not cover, what it no longer asks, and what stays. */
export function comparePermissions(before: Permissions, next: Permissions): PermissionChange {
  const old = permissionNames(before);
  const wanted = permissionNames(next);
  return {
    widened: wanted.filter((name) => !isCovered(name, old)),
    narrowed: old.filter((name) => !isCovered(name, wanted)),
    same: wanted.filter((name) => isCovered(name, old)),
  };
}

function isCovered(name: string, by: readonly string[]): boolean {
  return by.some((other) => covers(other, name));
}

/** The scopes of a grant with those that they include: who may write the key-value namespace may read it. */
export function includedScopes(services: readonly string[]): readonly string[] {
  const names = services.map((scope) => `services:${scope}`);
  const included = Object.keys(SCOPES).filter((scope) => isCovered(`services:${scope}`, names));
  return [...services, ...included.filter((scope) => !services.includes(scope))];
}

/** Whether whoever has `greater` has `lesser` too. */
function covers(greater: string, lesser: string): boolean {
  return inCommon(greater, lesser).includes(lesser);
}

/** The permission that both hold: the lesser one, or of two paths the inner one with the lesser access. */
function inCommon(a: string, b: string): readonly string[] {
  if (a === b) return [a];
  if (isBothOf(a, b, 'services:kv.read', 'services:kv.readwrite')) return ['services:kv.read'];
  if (a.startsWith(NETWORK) && b.startsWith(NETWORK)) return placesInCommon(a, b);
  if (a.startsWith(OBJECT_HOOKS) && b.startsWith(OBJECT_HOOKS)) return objectHooksInCommon(a, b);
  const [, accessA, pathA] = PATH_NAME.exec(a) ?? [];
  const [, accessB, pathB] = PATH_NAME.exec(b) ?? [];
  if (pathA === undefined || pathB === undefined) return [];
  const inner = isInside(pathA, pathB) ? pathA : isInside(pathB, pathA) ? pathB : undefined;
  const access = accessA === 'rw' && accessB === 'rw' ? 'rw' : 'ro';
  return inner === undefined ? [] : [`filesystem:${access}:${inner}`];
}

const NETWORK = 'network:';

/** Of a host and a star above it the host; of two stars the one further down. */
function placesInCommon(a: string, b: string): readonly string[] {
  const [ruleA] = networkRules([a.slice(NETWORK.length)]);
  const [ruleB] = networkRules([b.slice(NETWORK.length)]);
  if (ruleA === undefined || ruleB === undefined || ruleA.port !== ruleB.port) return [];
  if (ruleA.below === ruleB.below && ruleA.host === ruleB.host) return [b];
  if (ruleA.below && matchesName(ruleA, ruleB.host)) return [b];
  return ruleB.below && matchesName(ruleB, ruleA.host) ? [a] : [];
}

const OBJECT_HOOKS = 'object_hooks:';

/** Object and hook each for itself: of a star and a name the name. */
function objectHooksInCommon(a: string, b: string): readonly string[] {
  const [objectA = '', hookA = ''] = a.slice(OBJECT_HOOKS.length).split('.');
  const [objectB = '', hookB = ''] = b.slice(OBJECT_HOOKS.length).split('.');
  const object = partInCommon(objectA, objectB);
  const hook = partInCommon(hookA, hookB);
  return object === undefined || hook === undefined ? [] : [`${OBJECT_HOOKS}${object}.${hook}`];
}

function partInCommon(a: string, b: string): string | undefined {
  if (a === b || b === '*') return a;
  return a === '*' ? b : undefined;
}

const PATH_NAME = /^filesystem:(r[ow]):(.+)$/s;

function isBothOf(a: string, b: string, one: string, other: string): boolean {
  return (a === one && b === other) || (a === other && b === one);
}

function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}

/** Without those that another one covers. */
function withoutRepetition(names: readonly string[]): readonly string[] {
  const once = [...new Set(names)];
  return once.filter((name) => !once.some((other) => other !== name && covers(other, name)));
}

function canonicalScope(name: string): string {
  const found = resolveScope(name);
  return found.kind === 'unknown' ? name : found.scope;
}

function filesystem(value: unknown): readonly FilesystemPermission[] {
  const { path, access } = isSchema(value) ? value : {};
  if (typeof path !== 'string' || path === '') return [];
  const normalized = posix.normalize(path);
  const plain = normalized.length > 1 ? normalized.replace(/\/$/, '') : normalized;
  return [{ path: plain, access: access === 'rw' ? 'rw' : 'ro' }];
}

function texts(value: unknown): readonly string[] {
  return [...new Set(list(value).map(String))];
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
