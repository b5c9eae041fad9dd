import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { HOOKS } from '@bulkhead/proto/rules';
import { didYouMean } from '@bulkhead/proto/rules/schema';
import { PLUGIN_KINDS, isPluginKind, type PluginKind } from './plugin-kinds.js';

/** What `bulkhead new` writes. */
export interface PluginPlan {
  /** The npm package's name, perhaps with a scope. */
  readonly packageName: string;
  /** The package's name without its scope; also the entry's name in bulkhead.yaml. */
  readonly name: string;
  /** Reverse-DNS. */
  readonly id: string;
  readonly hooks: readonly string[];
  /** What it does besides. */
  readonly kinds: readonly PluginKind[];
  readonly language: 'ts' | 'js';
}

const PACKAGE_NAME = /^(?:@([a-z0-9][a-z0-9-]*)\/)?([a-z][a-z0-9-]*)$/;
export const DEFAULT_HOOKS: readonly string[] = ['tool_pre_invoke'];

/** @throws USAGE when the name, a hook or a kind cannot be, or there is nothing to do */
export function planPlugin(
  packageName: string,
  hooks: readonly string[],
  kinds: readonly string[],
  language: 'ts' | 'js',
): PluginPlan {
  const [, scope, name] = PACKAGE_NAME.exec(packageName) ?? [];
  if (name === undefined) {
    throw new BulkheadError(
      ErrorCode.USAGE,
      `expected the name of a package such as my-plugin or @acme/my-plugin (small letters, digits, dashes), got '${packageName}'`,
    );
  }
  for (const hook of hooks) {
    if (Object.hasOwn(HOOKS, hook)) continue;
    const known = Object.keys(HOOKS);
    throw new BulkheadError(
      ErrorCode.USAGE,
      `no hook '${hook}' is known.${didYouMean(hook, known)} There are: ${known.join(', ')}.`,
    );
  }
  for (const kind of kinds) {
    if (isPluginKind(kind)) continue;
    throw new BulkheadError(
      ErrorCode.USAGE,
      `no kind '${kind}' is known.${didYouMean(kind, PLUGIN_KINDS)} There are: ${PLUGIN_KINDS.join(', ')}.`,
    );
  }
  if (hooks.length + kinds.length === 0)
    throw new BulkheadError(ErrorCode.USAGE, 'expected a hook or a kind, got none: it would do nothing');
  return {
    packageName,
    name,
    id: `${scope ?? 'local'}.${name}`,
    hooks: [...new Set(hooks)],
    kinds: PLUGIN_KINDS.filter((kind) => kinds.includes(kind)),
    language,
  };
}
