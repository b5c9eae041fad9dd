import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { HOOKS } from '@bulkhead/proto/rules';
import { didYouMean } from '@bulkhead/proto/rules/schema';

/** What `bulkhead new` writes. */
export interface PluginPlan {
  /** The npm package's name, perhaps with a scope. */
  readonly packageName: string;
  /** The package's name without its scope; also the entry's name in bulkhead.yaml. */
  readonly name: string;
  /** Reverse-DNS. */
  readonly id: string;
  readonly hooks: readonly string[];
  readonly language: 'ts' | 'js';
}

const PACKAGE_NAME = /^(?:@([a-z0-9][a-z0-9-]*)\/)?([a-z][a-z0-9-]*)$/;
export const DEFAULT_HOOKS: readonly string[] = ['tool_pre_invoke'];

/** @throws USAGE when the name or a hook cannot be */
export function planPlugin(packageName: string, hooks: readonly string[], language: 'ts' | 'js'): PluginPlan {
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
  return { packageName, name, id: `${scope ?? 'local'}.${name}`, hooks: [...new Set(hooks)], language };
}
