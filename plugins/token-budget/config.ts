import type { WindowName } from './windows.js';

/** Tokens by window; one that is absent or null has no limit. */
export type Limits = { readonly [Name in WindowName]?: number | null };

/** The configuration, as the manifest's config_schema describes it. */
export interface TokenBudgetConfig {
  readonly user: Limits;
  readonly tenant: Limits;
  readonly max_keys: number;
}
