import type { Contributions } from '../contributions.js';
import type { Permissions } from './permissions.js';

/** How a registration runs. The phases run in this order; `disabled` does not run. */
export type Mode = 'sequential' | 'transform' | 'audit' | 'concurrent' | 'fire_and_forget' | 'disabled';
/** What an error of the plugin does to the request: refuse it, ignore the error, or take the plugin out of rotation. */
export type OnError = 'fail' | 'ignore' | 'disable';

/** Conditions under which a registration runs: AND within an object, OR across objects. Exact values or globs. */
export interface Conditions {
  readonly server_ids?: readonly string[];
  readonly tenant_ids?: readonly string[];
  readonly tools?: readonly string[];
  readonly prompts?: readonly string[];
  readonly resources?: readonly string[];
  readonly agents?: readonly string[];
  readonly user_patterns?: readonly string[];
  readonly content_types?: readonly string[];
}

export interface HookDeclaration {
  readonly mode?: Mode;
  readonly priority?: number;
  readonly conditions?: readonly Conditions[];
  readonly timeoutMs?: number;
}

export type Maturity = 'alpha' | 'beta' | 'stable' | 'deprecated';

/** What the author says of the plugin's quality; claimed, not verified. */
export interface Quality {
  /** Percent, 0 to 100. */
  readonly testCoverage?: number;
  /** The date of the last audit, as written. */
  readonly securityAudit?: string;
  readonly performanceBenchmark?: string;
}

/** A hook that an embedder, the configuration or a manifest declares, with the JSON Schemas of its payload. */
export interface CustomHookDeclaration {
  readonly name: string;
  /** JSON Schema of the payload: an object with `properties`. */
  readonly payload: Readonly<Record<string, unknown>>;
  /** Members that a plugin may change. Default: all. */
  readonly writable?: readonly string[];
}

/** A manifest after validation: names resolved, defaults filled in. `source` keeps every key as written. */
export interface Manifest {
  /** Reverse-DNS, or `<scope>.<name>` of the package. */
  readonly id: string;
  readonly name: string;
  /** The npm package's name, when the directory has a package.json. */
  readonly packageName?: string;
  readonly version: string;
  readonly description: string;
  readonly maturity?: Maturity;
  readonly quality?: Quality;
  /** Free labels for search. */
  readonly capabilities?: readonly string[];
  readonly keywords?: readonly string[];
  readonly pluginType?: 'gateway' | 'ai_studio' | 'agent';
  /** Entry module, relative to the package root. */
  readonly entry?: string;
  readonly hooks: Readonly<Record<string, HookDeclaration>>;
  readonly customHooks: readonly CustomHookDeclaration[];
  /** What it adds beside hooks. */
  readonly contributions: Contributions;
  /** What it asks for. */
  readonly permissions: Permissions;
  /** JSON Schema of the plugin's configuration. */
  readonly configSchema?: Readonly<Record<string, unknown>>;
  /** Files that the plugin serves, relative to the package root, without a leading slash. */
  readonly assets?: readonly string[];
  /** `single` (default: it keeps state in memory) or `many`. */
  readonly instances: 'single' | 'many';
  /** What it asks for; the operator's cap wins. */
  readonly limits: {
    readonly timeoutMs?: number;
    readonly maxInFlight?: number;
    readonly memoryMb?: number;
    readonly processes?: number;
    /** Processors. */
    readonly cpu?: number;
    readonly openFiles?: number;
    readonly diskMb?: number;
  };
  readonly compat: { readonly app?: string; readonly api: readonly string[]; readonly node?: string };
  readonly source: Readonly<Record<string, unknown>>;
}
