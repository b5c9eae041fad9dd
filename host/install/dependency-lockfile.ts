import { isDeepStrictEqual } from 'node:util';
import { BulkheadError, ErrorCode, type Problem } from '@bulkhead/proto';
import { parse } from 'yaml';
import { SHA512 } from './integrity.js';
import { refused, type DependencyWish } from './plugin-package.js';

/** One package of a plugin's graph, as its lockfile pins it. */
export interface PinnedDependency {
  readonly name: string;
  readonly version: string;
  readonly integrity: string;
  /** It is only installed on some platforms. */
  readonly platformBound: boolean;
}

export interface DependencyLockfile {
  readonly packages: readonly PinnedDependency[];
  /** Whether it pins exactly these wishes. */
  fits(wish: DependencyWish): boolean;
}

const KEY = /^((?:@[^/@]+\/)?[^/@]+)@([^()]+)$/;
/** The only keys that a pinned package may say about where its bytes come from. */
const RESOLUTION_KEYS: ReadonlySet<string> = new Set(['integrity', 'tarball']);

/**
 * Reads a plugin's pnpm-lock.yaml (format 9) and refuses what no hash of a registry's package pins.
 *
 * @param registries where tarballs may come from, when the lockfile names their address
 * @throws LOCK_INVALID, INTEGRITY_MISSING, DEPENDENCY_REFUSED, with every fault
 */
export function parseDependencyLockfile(
  text: string,
  what: string,
  registries: readonly string[] = [],
): DependencyLockfile {
  const value = parseYaml(text, what);
  const packages: PinnedDependency[] = [];
  const faults: Problem[] = [];
  for (const [key, about] of Object.entries(member(value, 'packages'))) {
    const [, name, version] = KEY.exec(key) ?? [];
    const resolution = member(about, 'resolution');
    const { integrity } = resolution;
    const place = placeFault(resolution, registries);
    if (name === undefined || version === undefined || place !== undefined || /[:/]/.test(version)) {
      faults.push({
        code: ErrorCode.DEPENDENCY_REFUSED,
        message: `dependency ${key}: expected a package of a registry, got ${place ?? 'one from another place'}. Git repositories, addresses and folders are not taken.`,
      });
    } else if (typeof integrity !== 'string' || !SHA512.test(integrity)) {
      faults.push({
        code: ErrorCode.INTEGRITY_MISSING,
        message: `dependency ${key}: expected a sha512 integrity, got ${typeof integrity === 'string' ? `'${integrity}'` : 'none'}.`,
      });
    } else {
      const platformBound = isRecord(about) && ['os', 'cpu', 'libc'].some((word) => word in about);
      packages.push({ name, version, integrity, platformBound });
    }
  }
  if (faults.length > 0) throw refused(what, faults);
  const importer = member(member(value, 'importers'), '.');
  return {
    packages,
    fits: (wish) =>
      isDeepStrictEqual(specifiers(importer, 'dependencies'), wish.dependencies) &&
      isDeepStrictEqual(specifiers(importer, 'optionalDependencies'), wish.optionalDependencies),
  };
}

function placeFault(
  resolution: Readonly<Record<string, unknown>>,
  registries: readonly string[],
): string | undefined {
  const odd = Object.keys(resolution).find((key) => !RESOLUTION_KEYS.has(key));
  if (odd !== undefined) return `a resolution with '${odd}'`;
  const { tarball } = resolution;
  if (tarball === undefined) return undefined;
  const fromRegistry =
    typeof tarball === 'string' &&
    registries.some((registry) => tarball.startsWith(`${registry.replace(/\/$/, '')}/`));
  return fromRegistry ? undefined : `the address ${String(tarball)}`;
}

function specifiers(
  importer: Readonly<Record<string, unknown>>,
  kind: string,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(member(importer, kind)).map(([name, about]) => [name, valueAt(about, 'specifier')]),
  );
}

function valueAt(value: unknown, key: string): unknown {
  return isRecord(value) ? value[key] : undefined;
}

function member(value: unknown, key: string): Readonly<Record<string, unknown>> {
  const found = valueAt(value, key);
  return isRecord(found) ? found : {};
}

function parseYaml(text: string, what: string): unknown {
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 0 });
  } catch (error) {
    throw new BulkheadError(ErrorCode.LOCK_INVALID, `${what}: expected YAML, got something else.`, {
      cause: error,
    });
  }
  const format = String(valueAt(value, 'lockfileVersion') ?? '');
  if (format.startsWith('9.')) return value;
  throw new BulkheadError(
    ErrorCode.LOCK_INVALID,
    `${what}: expected a lockfile of format 9, got ${format === '' ? 'none' : format}.`,
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
