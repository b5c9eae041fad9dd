import { ErrorCode } from '@bulkhead/proto';
import { checkConditions, checkFields, type HookSpec } from '@bulkhead/proto/rules';
import { didYouMean, type Conditions, type Keys } from '@bulkhead/proto/rules/schema';
import { LATER_HOOKS } from '../manifest/not-yet-used.js';
import type { Manifest, Mode, OnError } from '../manifest/manifest.js';
import type { HookEntry, PluginEntry } from './bulkhead-file.js';
import type { HookConfig } from './config.js';
import { resolveMode } from './modes.js';
import type { Report } from './report.js';

export const DEFAULT_PRIORITY = 100;
const DEFAULT_BATCH_WAIT_MS = 1_000;

export interface HookContext {
  readonly name: string;
  readonly entry: PluginEntry;
  readonly manifest: Manifest;
  /** The spec of a built-in or declared hook. */
  readonly specOf: (hook: string) => HookSpec | undefined;
  readonly hookNames: readonly string[];
  readonly callTimeoutMs: number;
  readonly report: Report;
}

/** The registrations of one entry: what its manifest declares, narrowed and overridden by the configuration. */
export function resolveHooks(context: HookContext): readonly HookConfig[] {
  const { entry, manifest, name, report } = context;
  return chosen(entry, manifest).flatMap(([hook, told, keys]) => {
    const at: Keys = ['plugins', name, ...keys];
    if (!Object.hasOwn(manifest.hooks, hook)) {
      const declared = Object.keys(manifest.hooks);
      const message = `the plugin ${manifest.id} does not declare the hook '${hook}'; it has ${declared.join(', ') || 'none'}.${didYouMean(hook, declared)}`;
      report.problem(at, message);
      return [];
    }
    if (LATER_HOOKS.has(hook)) {
      report.notice(
        'NOT_YET_USED',
        at,
        `nothing calls the hook '${hook}' yet; it comes with a later release.`,
        name,
      );
      return [];
    }
    const spec = context.specOf(hook);
    if (spec === undefined) {
      const message = `no hook '${hook}' is known. Declare it under custom_hooks.${didYouMean(hook, context.hookNames)}`;
      report.problem(at, message, ErrorCode.UNKNOWN_HOOK);
      return [];
    }
    return registrations(context, hook, spec, told, at);
  });
}

function registrations(
  context: HookContext,
  hook: string,
  spec: HookSpec,
  told: HookEntry,
  at: Keys,
): readonly HookConfig[] {
  const { entry, manifest, name, report } = context;
  const declared = manifest.hooks[hook] ?? {};
  const mode: Mode = resolveMode(told.mode ?? entry.mode ?? declared.mode ?? 'sequential').mode;
  if (mode === 'disabled') return [];

  const own = told.conditions !== undefined;
  const conditions = asList(told.conditions ?? entry.conditions ?? declared.conditions ?? []);
  const conditionKeys = own ? [...at, 'conditions'] : ['plugins', name, 'conditions'];
  for (const fault of checkConditions(spec, conditions)) {
    const message =
      own || entry.conditions === undefined
        ? fault.message
        : `${fault.message}. Write it under hooks.<name>.conditions.`;
    report.problem(conditionKeys, message);
  }
  if (told.batch !== undefined && mode !== 'fire_and_forget') {
    report.problem([...at, 'batch'], `batch only goes with mode fire_and_forget, and this one is ${mode}.`);
  }
  const base = {
    hook,
    mode,
    priority: told.priority ?? entry.priority ?? declared.priority ?? DEFAULT_PRIORITY,
    timeoutMs:
      told.timeout_ms ??
      entry.timeout_ms ??
      declared.timeoutMs ??
      manifest.limits.timeoutMs ??
      context.callTimeoutMs,
    idempotent: told.idempotent ?? false,
    ...(told.batch === undefined
      ? {}
      : { batch: { max: told.batch.max, maxWaitMs: told.batch.max_wait_ms ?? DEFAULT_BATCH_WAIT_MS } }),
  };
  const groups =
    told.tools === undefined
      ? [{ conditions, fields: told.fields }]
      : byFields(told, conditions, spec, at, report);
  return groups.map((group) => {
    for (const fault of group.fields === undefined ? [] : checkFields(spec, group.fields)) {
      report.problem([...at, told.tools === undefined ? 'fields' : 'tools'], fault.message);
    }
    return {
      ...base,
      conditions: group.conditions,
      ...(group.fields === undefined ? {} : { fields: group.fields }),
    };
  });
}

interface Group {
  readonly conditions: readonly Conditions[];
  readonly fields: readonly string[] | undefined;
}

/** The older form: `tools: [{tool_name, fields}]`. Tools with equal fields share a registration. */
function byFields(
  told: HookEntry,
  conditions: readonly Conditions[],
  spec: HookSpec,
  at: Keys,
  report: Report,
): readonly Group[] {
  if (!spec.conditions.includes('tools')) {
    report.problem([...at, 'tools'], `'tools' can never apply to ${spec.name}.`);
    return [];
  }
  const items = told.tools ?? [];
  const seen = new Set<string>();
  for (const [index, { tool_name: tool }] of items.entries()) {
    if (seen.has(tool) || (tool === '*' && items.length > 1)) {
      report.problem(
        [...at, 'tools', index],
        `'${tool}' takes in a tool that another item names; the plugin would run twice.`,
      );
    }
    seen.add(tool);
  }
  const groups = Map.groupBy(items, (item) => JSON.stringify(narrowed(item.fields) ?? null));
  return [...groups.values()].map((members) => {
    const tools = members.map((item) => item.tool_name);
    const fields = narrowed(members[0]?.fields);
    if (tools.includes('*')) return { conditions, fields };
    const inner =
      conditions.length === 0 ? [{ tools }] : conditions.map((condition) => ({ ...condition, tools }));
    return { conditions: inner, fields };
  });
}

/** `['*']` is everything, which is what no `fields` means. */
function narrowed(fields: readonly string[] | undefined): readonly string[] | undefined {
  return fields === undefined || fields.includes('*') ? undefined : fields;
}

/** Which hooks, what is said of each, and where. */
function chosen(entry: PluginEntry, manifest: Manifest): readonly (readonly [string, HookEntry, Keys])[] {
  const { hooks, hook_type: single } = entry;
  if (hooks === undefined) {
    if (single !== undefined) return [[single, {}, ['hook_type']]];
    return Object.keys(manifest.hooks).map((hook) => [hook, {}, []]);
  }
  if (isList(hooks)) return hooks.map((hook, index) => [hook, {}, ['hooks', index]]);
  return Object.entries(hooks).map(([hook, told]) => [hook, told ?? {}, ['hooks', hook]]);
}

function isList<T>(value: readonly T[] | object): value is readonly T[] {
  return Array.isArray(value);
}

function asList<T extends object>(value: T | readonly T[]): readonly T[] {
  return isList<T>(value) ? value : [value];
}

/** The one mode of all registrations, else `sequential`. */
export function commonMode(hooks: readonly HookConfig[]): Mode {
  const modes = new Set(hooks.map((hook) => hook.mode));
  const [only] = modes;
  return modes.size === 1 && only !== undefined ? only : 'sequential';
}

/** What an entry's errors do: said outright, by an older mode name, or the default. */
export function resolveOnError(entry: PluginEntry): OnError {
  return entry.on_error ?? (entry.mode === undefined ? undefined : resolveMode(entry.mode).onError) ?? 'fail';
}
