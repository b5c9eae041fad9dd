import type { JsonObject } from '@bulkhead/proto/json';

export type Mode = 'sequential' | 'transform' | 'audit' | 'concurrent' | 'fire_and_forget' | 'disabled';
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
