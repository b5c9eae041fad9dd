import { objectHookNames, readContributions } from '../contributions.js';
import { isSchema } from './closed-schema.js';
import type {
  Conditions,
  CustomHookDeclaration,
  HookDeclaration,
  Manifest,
  Maturity,
  Mode,
  Quality,
} from './manifest.js';
import { readPermissions } from './permissions.js';
import type { JsonSchema } from './problem.js';

/** A manifest that passed every check, as the host works with it. */
export function normalizeManifest(
  given: JsonSchema,
  source: JsonSchema,
  packageName: string | undefined,
): Manifest {
  const compat = map(given['compat']);
  const limits = map(given['limits']);
  const contributions = readContributions(given);
  const optional = {
    packageName,
    maturity: given['maturity'] as Maturity | undefined,
    quality: given['quality'] === undefined ? undefined : quality(map(given['quality'])),
    pluginType: given['plugin_type'] as Manifest['pluginType'],
    entry: text(given['entry']),
    configSchema: isSchema(given['config_schema']) ? given['config_schema'] : undefined,
  };
  return {
    id: String(given['id']),
    name: String(given['name']),
    version: String(given['version']),
    description: text(given['description']) ?? '',
    capabilities: labels(given['capabilities']),
    keywords: texts(given['keywords']),
    hooks: hooks(given['hooks']),
    contributions,
    customHooks: customHooks(map(given['contributes'])['custom_hooks']),
    permissions: readPermissions({
      ...map(given['permissions']),
      object_hooks: objectHookNames(contributions.objectHooks ?? []),
    }),
    assets: texts(given['assets']).map((asset) => asset.replace(/^\//, '')),
    instances: given['instances'] === 'many' ? 'many' : 'single',
    limits: defined({
      timeoutMs: number(limits['timeout_ms']),
      maxInFlight: number(limits['max_in_flight']),
      memoryMb: number(limits['memory_mb']),
      processes: number(limits['processes']),
      cpu: number(limits['cpu']),
      openFiles: number(limits['open_files']),
      diskMb: number(limits['disk_mb']),
    }),
    compat: {
      api: texts(compat['api']),
      ...defined({ app: text(compat['app']), node: text(compat['node']) }),
    },
    ...defined(optional),
    source,
  };
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function defined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined)) as Defined<T>;
}

function hooks(value: unknown): Readonly<Record<string, HookDeclaration>> {
  if (Array.isArray(value)) return Object.fromEntries(texts(value).map((name) => [name, {}]));
  return Object.fromEntries(
    Object.entries(map(value)).map(([name, told]) => {
      const given = map(told);
      return [
        name,
        defined({
          mode: given['mode'] as Mode | undefined,
          priority: number(given['priority']),
          conditions: given['conditions'] as readonly Conditions[] | undefined,
          timeoutMs: number(given['timeout_ms']),
        }),
      ];
    }),
  );
}

function customHooks(value: unknown): readonly CustomHookDeclaration[] {
  const named: readonly (readonly [string, JsonSchema])[] = Array.isArray(value)
    ? value.map((hook: unknown) => [String(map(hook)['name']), map(hook)] as const)
    : Object.entries(map(value)).map(([name, hook]) => [name, map(hook)] as const);
  return named.map(([name, hook]) => ({
    name,
    payload: map(hook['payload']),
    ...(hook['writable'] === undefined ? {} : { writable: texts(hook['writable']) }),
  }));
}

function quality(value: JsonSchema): Quality {
  const coverage = value['test_coverage'];
  return defined({
    testCoverage: typeof coverage === 'string' ? Number.parseFloat(coverage) : number(coverage),
    securityAudit: text(value['security_audit']),
    performanceBenchmark: text(value['performance_benchmark']),
  });
}

/** Labels; of the map form the values, each once. */
function labels(value: unknown): readonly string[] {
  return Array.isArray(value) ? texts(value) : [...new Set(Object.values(map(value)).flatMap(texts))];
}

function map(value: unknown): JsonSchema {
  return isSchema(value) ? value : {};
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}
