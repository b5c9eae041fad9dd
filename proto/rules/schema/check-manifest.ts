import semver from 'semver';
import { ErrorCode } from '../../errors.js';
import { HOOK_NAME, isBuiltInHook } from '../hook-table.js';
import { parseNetworkRule } from '../network.js';
import { problemsFromAjv } from './ajv-problems.js';
import { API_CAPABILITIES, isApiCapability } from './capabilities.js';
import { checkConfigSchema } from './check-config.js';
import { isSchema } from './closed-schema.js';
import { compileSchema } from './compile.js';
import { escapesPackage } from './package-path.js';
import type { Manifest } from './manifest.js';
import { MANIFEST_SCHEMA } from './manifest-schema.js';
import { normalizeManifest } from './normalize-manifest.js';
import { didYouMean } from './nearest.js';
import { problemAt, type JsonSchema, type Keys, type SchemaNotice, type SchemaProblem } from './problem.js';
import { resolveScope } from './scopes.js';
import { duplicateSlots } from './ui-slots.js';

/** What of package.json counts for a manifest. */
export interface PackageInfo {
  readonly name?: string;
  readonly version?: string;
  readonly description?: string;
}

export type ManifestCheck =
  | { readonly ok: true; readonly manifest: Manifest; readonly notices: readonly SchemaNotice[] }
  | { readonly ok: false; readonly problems: readonly SchemaProblem[] };

let validator: ReturnType<typeof compileSchema> | undefined;

/**
 * Checks a manifest that is already parsed, all faults at once. The one check that the host, the CLI and the SDK's
 * test harness share. `id`, `name` and `description` may come from the package. `value` is not changed.
 */
export function checkManifest(value: unknown, packageInfo: PackageInfo = {}): ManifestCheck {
  if (!isSchema(value)) {
    return {
      ok: false,
      problems: [problemAt(ErrorCode.MANIFEST_INVALID, [], 'expected a manifest, that is a map of keys.')],
    };
  }
  const given = withPackage(plain(value), packageInfo);
  validator ??= compileSchema(MANIFEST_SCHEMA);
  validator(given);
  const shape = problemsFromAjv(validator.errors ?? [], given, {
    code: ErrorCode.MANIFEST_INVALID,
    missingCode: ErrorCode.MISSING_REQUIRED_FIELD,
  }).map((problem) =>
    problem.keys.length === 1 && problem.keys[0] === 'plugin_type'
      ? { ...problem, code: ErrorCode.INVALID_PLUGIN_TYPE }
      : problem,
  );
  const notices: SchemaNotice[] = [];
  const problems = [...shape, ...meaning(given, packageInfo, notices)];
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, manifest: normalizeManifest(given, value, packageInfo.name), notices };
}

/** What the JSON Schema cannot say. Tolerates values of a wrong kind: those are told already. */
function meaning(given: JsonSchema, packageInfo: PackageInfo, notices: SchemaNotice[]): SchemaProblem[] {
  const problems: SchemaProblem[] = [];
  const say = (keys: Keys, message: string, code: ErrorCode = ErrorCode.MANIFEST_INVALID): void => {
    problems.push(problemAt(code, keys, message));
  };

  const version = given['version'];
  if (typeof version === 'string' && semver.valid(version) !== version) {
    say(['version'], `expected a SemVer version such as 1.2.0, got '${version}'.`);
  } else if (
    typeof version === 'string' &&
    packageInfo.version !== undefined &&
    packageInfo.version !== version
  ) {
    say(
      ['version'],
      `expected ${packageInfo.version} as in package.json, got ${version}. Make both equal.`,
      ErrorCode.MANIFEST_MISMATCH,
    );
  }

  const entry = given['entry'];
  if (typeof entry === 'string' && escapesPackage(entry)) {
    say(['entry'], `expected a relative path inside the package, got '${entry}'.`);
  }
  for (const [index, asset] of list(given['assets']).entries()) {
    // A leading slash is the package root: that is how such lists are written.
    if (typeof asset === 'string' && escapesPackage(asset.replace(/^\//, ''))) {
      say(['assets', index], `expected a path inside the package, got '${asset}'.`);
    }
  }

  for (const [index, name] of list(at(given, 'permissions', 'services')).entries()) {
    if (typeof name !== 'string') continue;
    const keys = ['permissions', 'services', index];
    const found = resolveScope(name);
    if (found.kind === 'alias') {
      notices.push({ code: 'ALIAS_USED', message: `scope '${name}' is read as '${found.scope}'.`, keys });
    } else if (found.kind === 'unknown') {
      const hint = found.suggestion === undefined ? '' : ` Did you mean '${found.suggestion}'?`;
      say(keys, `unknown scope '${name}'.${hint}`, ErrorCode.INVALID_SCOPE);
    }
  }

  for (const [index, line] of list(at(given, 'permissions', 'network')).entries()) {
    if (typeof line !== 'string') continue;
    const parsed = parseNetworkRule(line);
    if (!parsed.ok) say(['permissions', 'network', index], `${parsed.message}.`);
  }

  for (const key of ['app', 'node']) {
    const range = at(given, 'compat', key);
    if (typeof range === 'string' && semver.validRange(range) === null) {
      say(['compat', key], `expected a SemVer range such as >=1.0 <2.0, got '${range}'.`);
    }
  }
  for (const [index, name] of list(at(given, 'compat', 'api')).entries()) {
    if (typeof name === 'string' && !isApiCapability(name)) {
      say(
        ['compat', 'api', index],
        `no API '${name}' is known.${didYouMean(name, Object.keys(API_CAPABILITIES))}`,
        ErrorCode.INCOMPATIBLE,
      );
    }
  }

  const custom = customHookNames(given);
  for (const [keys, name] of custom) {
    if (!HOOK_NAME.test(name)) say(keys, `expected a hook name such as order_placed, got '${name}'.`);
    else if (isBuiltInHook(name)) say(keys, `the hook '${name}' is built in; give yours another name.`);
  }
  for (const [keys, name] of hookNames(given)) {
    if (!HOOK_NAME.test(name)) say(keys, `expected a hook name such as tool_pre_invoke, got '${name}'.`);
  }

  const schema = given['config_schema'];
  if (isSchema(schema)) {
    const checked = checkConfigSchema(schema, ['config_schema']);
    problems.push(...checked.problems);
    notices.push(...checked.notices);
  }
  for (const [keys, message] of duplicateSlots(list(at(given, 'ui', 'slots'))))
    say(keys, message, ErrorCode.DUPLICATE_UI_SLOT);
  return problems;
}

function hookNames(given: JsonSchema): readonly (readonly [Keys, string])[] {
  const hooks = given['hooks'];
  if (Array.isArray(hooks)) {
    return hooks.flatMap((name: unknown, index) =>
      typeof name === 'string' ? [[['hooks', index], name] as const] : [],
    );
  }
  return isSchema(hooks) ? Object.keys(hooks).map((name) => [['hooks', name], name] as const) : [];
}

function customHookNames(given: JsonSchema): readonly (readonly [Keys, string])[] {
  const place = ['contributes', 'custom_hooks'];
  const hooks = at(given, 'contributes', 'custom_hooks');
  if (isSchema(hooks)) return Object.keys(hooks).map((name) => [[...place, name], name] as const);
  return list(hooks).flatMap((hook, index) => {
    const name = isSchema(hook) ? hook['name'] : undefined;
    return typeof name === 'string' ? [[[...place, index, 'name'], name] as const] : [];
  });
}

/** `id`, `name` and `description`, where the manifest leaves them to the package. */
function withPackage(given: JsonSchema, info: PackageInfo): JsonSchema {
  const unscoped = info.name?.replace(/^@[^/]+\//, '');
  const name = given['name'] ?? unscoped;
  const id = given['id'] ?? info.name?.replace(/^@/, '').replace('/', '.') ?? idFromName(name);
  const description = given['description'] ?? info.description;
  return {
    ...given,
    ...(id === undefined ? {} : { id }),
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
  };
}

/** A manifest on its own, without package.json, may be known by its name when that reads as an id. */
function idFromName(name: unknown): string | undefined {
  return typeof name === 'string' && /^[a-z0-9][a-z0-9._-]*$/.test(name) ? name : undefined;
}

/** A copy in JSON's own kinds: some YAML readers give dates as objects. */
function plain(value: JsonSchema): JsonSchema {
  const copy = (part: unknown): unknown => {
    if (part instanceof Date) return part.toISOString().replace(/T00:00:00\.000Z$/, '');
    if (Array.isArray(part)) return part.map(copy);
    return isSchema(part)
      ? Object.fromEntries(Object.entries(part).map(([key, inner]) => [key, copy(inner)]))
      : part;
  };
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, copy(inner)]));
}

function at(value: JsonSchema, key: string, inner: string): unknown {
  const outer = value[key];
  return isSchema(outer) ? outer[inner] : undefined;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
