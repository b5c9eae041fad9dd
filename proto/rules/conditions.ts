import { ErrorCode, type Problem } from '../errors.js';
import { HOOKS, isBuiltInHook, type ConditionKey, type HookSpec } from './hook-table.js';

const KEYS: ReadonlySet<string> = new Set<ConditionKey>([
  'server_ids',
  'tenant_ids',
  'tools',
  'prompts',
  'resources',
  'agents',
  'user_patterns',
  'content_types',
]);

const EVERY_REQUEST: readonly ConditionKey[] = ['server_ids', 'tenant_ids', 'user_patterns', 'content_types'];

/**
 * Checks that each condition can apply to the hook: a key that never can (`prompts` on `tool_pre_invoke`), an unknown
 * key and an empty list are faults, because a guard with such a condition would silently never run.
 *
 * @param hook - a name, or the spec of a custom hook; a name that is not built in counts as a custom hook's
 * @returns every fault; `path` is relative to the conditions, for example `0.prompts`
 */
export function checkConditions(hook: string | HookSpec, conditions: readonly object[]): Problem[] {
  const name = typeof hook === 'string' ? hook : hook.name;
  const possible =
    typeof hook !== 'string' ? hook.conditions : isBuiltInHook(hook) ? HOOKS[hook].conditions : EVERY_REQUEST;
  const problems: Problem[] = [];
  conditions.forEach((condition, index) => {
    for (const [key, value] of Object.entries(condition)) {
      if (value === undefined) continue;
      const fault = faultOf(key, value, name, possible);
      if (fault !== undefined) {
        problems.push({ code: ErrorCode.CONFIG_INVALID, message: fault, path: `${String(index)}.${key}` });
      }
    }
  });
  return problems;
}

function faultOf(
  key: string,
  value: unknown,
  hook: string,
  possible: readonly ConditionKey[],
): string | undefined {
  if (!KEYS.has(key)) return `conditions: unknown key '${key}'; expected one of ${[...KEYS].join(', ')}`;
  if (!possible.some((each) => each === key)) {
    return `conditions: '${key}' can never apply to ${hook}, so the plugin would never run; it has ${possible.join(', ')}`;
  }
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string' && item !== '')) {
    return `conditions: '${key}' takes a list of names or globs`;
  }
  if (value.length === 0)
    return `conditions: '${key}' is an empty list, which nothing matches; leave the key out`;
  return undefined;
}
