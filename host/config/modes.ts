import type { Mode, OnError } from '../manifest/manifest.js';

export const MODES: readonly Mode[] = [
  'sequential',
  'transform',
  'audit',
  'concurrent',
  'fire_and_forget',
  'disabled',
];

/** Names that other hosts give to modes; accepted and reported. */
export const MODE_ALIASES: Readonly<Record<string, { readonly mode: Mode; readonly onError?: OnError }>> = {
  enforce: { mode: 'sequential' },
  enforce_ignore_error: { mode: 'sequential', onError: 'ignore' },
  permissive: { mode: 'transform' },
};

/** A mode as somebody wrote it; the schema has let through only names that are known. */
export function resolveMode(name: string): {
  readonly mode: Mode;
  readonly onError?: OnError;
  readonly alias: boolean;
} {
  const alias = Object.hasOwn(MODE_ALIASES, name) ? MODE_ALIASES[name] : undefined;
  if (alias !== undefined) return { ...alias, alias: true };
  return { mode: MODES.find((mode) => mode === name) ?? 'sequential', alias: false };
}

/** Whether a run in this mode can refuse a request when the plugin errs. */
export function failsClosed(mode: Mode, onError: OnError): boolean {
  return (mode === 'sequential' || mode === 'concurrent') && onError === 'fail';
}
