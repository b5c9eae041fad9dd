import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { isPlainObject } from '@bulkhead/proto/rules';
import { checkManifest, type Manifest, type PackageInfo } from '@bulkhead/proto/rules/schema';
import { parse } from 'yaml';

/**
 * A manifest by the host's own rules, from an object or a file. A file is read together with the package.json beside it.
 *
 * @throws BulkheadError MANIFEST_INVALID with every fault; Error when the file cannot be read
 */
export async function readManifest(source: object | string | URL): Promise<Manifest> {
  if (typeof source !== 'string' && !(source instanceof URL))
    return assertManifest(source, {}, 'the manifest');
  const path = source instanceof URL ? fileURLToPath(source) : source;
  const value: unknown = parse(await readFile(path, 'utf8'));
  return assertManifest(value, await readPackage(dirname(path)), path);
}

async function readPackage(directory: string): Promise<PackageInfo> {
  let text: string;
  try {
    text = await readFile(join(directory, 'package.json'), 'utf8');
  } catch {
    return {};
  }
  const value: unknown = JSON.parse(text);
  if (!isPlainObject(value)) return {};
  const { name, version, description } = value;
  return {
    ...(typeof name === 'string' ? { name } : {}),
    ...(typeof version === 'string' ? { version } : {}),
    ...(typeof description === 'string' ? { description } : {}),
  };
}

function assertManifest(value: unknown, packageInfo: PackageInfo, what: string): Manifest {
  const checked = checkManifest(value, packageInfo);
  if (checked.ok) return checked.manifest;
  throw new BulkheadError(
    ErrorCode.MANIFEST_INVALID,
    `${what} is not valid:\n${checked.problems.map(({ path, message }) => `  ${path ?? ''}: ${message}`).join('\n')}`,
    { problems: checked.problems },
  );
}
