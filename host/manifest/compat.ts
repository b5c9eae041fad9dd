import { ErrorCode } from '@bulkhead/proto';
import { problemAt, type SchemaProblem } from '@bulkhead/proto/rules/schema';
import semver from 'semver';
import type { Manifest } from './manifest.js';

/** The versions that a manifest's `compat` is held against. */
export interface HostVersions {
  /** Bulkhead's own version. */
  readonly app: string;
  /** Node's version, with or without the leading v. */
  readonly node: string;
}

/** Why this host cannot run the plugin: INCOMPATIBLE for each range that does not hold. A pre-release counts as its release. */
export function checkCompat(manifest: Manifest, host: HostVersions): readonly SchemaProblem[] {
  const problems: SchemaProblem[] = [];
  const hold = (key: 'app' | 'node', what: string, version: string): void => {
    const range = manifest.compat[key];
    if (range === undefined || semver.satisfies(version, range, { includePrerelease: true })) return;
    const message = `${manifest.id} needs ${what} ${range}, and this is ${version}.`;
    problems.push(problemAt(ErrorCode.INCOMPATIBLE, ['compat', key], message));
  };
  hold('app', 'Bulkhead', host.app);
  hold('node', 'Node', host.node);
  return problems;
}
