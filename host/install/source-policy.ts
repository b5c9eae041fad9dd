import { realpath } from 'node:fs/promises';
import { sep } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { describeSource, sourcePath, type PluginSource } from './source.js';

/** `install.sources`: where plugins may come from. A list that is not there says nothing; an empty one allows nothing. */
export interface SourcePolicy {
  /** Addresses of registries. */
  readonly registries?: readonly string[];
  /** npm scopes, with the `@`. */
  readonly scopes?: readonly string[];
  /** Absolute; folders and files below them. */
  readonly folders?: readonly string[];
  /** Names of accounts that published the version, as the registry tells them. */
  readonly publishers?: readonly string[];
}

export interface SourceFacts {
  readonly source: PluginSource;
  /** The folder of the lock, absolute. */
  readonly base: string;
  /** Of a registry source: the registry that it is asked from. */
  readonly registry?: string;
}

/**
 * Holds a source against the operator's list.
 *
 * @param policy undefined when nobody wrote one
 * @throws SOURCE_NOT_ALLOWED
 */
export async function assertSourceAllowed(
  facts: SourceFacts,
  policy: SourcePolicy | undefined,
  environment: string,
): Promise<void> {
  const { source, base, registry } = facts;
  if (policy === undefined) {
    if (environment !== 'production') return;
    throw refused(
      source,
      'in production, install.sources has to say where plugins may come from, and it is not there',
    );
  }
  if (source.kind !== 'registry') {
    const path = await realpath(sourcePath(source, base)).catch(() => sourcePath(source, base));
    const folders = await Promise.all(
      (policy.folders ?? []).map((folder) => realpath(folder).catch(() => folder)),
    );
    if (folders.some((folder) => path === folder || path.startsWith(folder + sep))) return;
    throw refused(source, `expected a path below one of ${list(policy.folders)} (install.sources.folders)`);
  }
  const scope = source.name.startsWith('@') ? (source.name.split('/')[0] ?? '') : '';
  if (policy.registries === undefined && policy.scopes === undefined) {
    throw refused(source, 'expected install.sources to list its registry or its scope, and it lists neither');
  }
  if (
    policy.registries !== undefined &&
    registry !== undefined &&
    !policy.registries.some((each) => sameUrl(each, registry))
  ) {
    throw refused(
      source,
      `expected one of the registries ${list(policy.registries)} (install.sources.registries), got ${origin(registry)}`,
    );
  }
  if (policy.scopes !== undefined && !policy.scopes.includes(scope)) {
    throw refused(
      source,
      `expected one of the scopes ${list(policy.scopes)} (install.sources.scopes), got ${scope === '' ? 'none' : scope}`,
    );
  }
}

/** @throws SOURCE_NOT_ALLOWED when the list names publishers and this is none of them */
export function assertPublisherAllowed(
  source: PluginSource,
  publisher: string | undefined,
  policy: SourcePolicy | undefined,
): void {
  if (source.kind !== 'registry' || policy?.publishers === undefined) return;
  if (publisher !== undefined && policy.publishers.includes(publisher)) return;
  throw refused(
    source,
    `expected one of the publishers ${list(policy.publishers)} (install.sources.publishers), got ${publisher ?? 'none'}`,
  );
}

function refused(source: PluginSource, why: string): BulkheadError {
  return new BulkheadError(ErrorCode.SOURCE_NOT_ALLOWED, `${describeSource(source)} is not taken: ${why}.`);
}

function list(items: readonly string[] | undefined): string {
  return items === undefined || items.length === 0 ? '(none)' : items.join(', ');
}

function sameUrl(a: string, b: string): boolean {
  return normalized(a) === normalized(b);
}

function normalized(url: string): string {
  return URL.canParse(url) ? new URL(url).href.replace(/\/$/, '') : url;
}

/** Without what may stand in an address besides the place: a password. */
function origin(url: string): string {
  if (!URL.canParse(url)) return 'an address that cannot be read';
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}
