import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';

const SDK = '@bulkhead/sdk';

/** A checkout of Bulkhead's sources: the host's own copy of the SDK, and the packages that its sources are built with. */
export interface Checkout {
  /** Absolute. */
  readonly sdk: string;
  /** Absolute `node_modules` of the checkout. */
  readonly modules: string;
}

/**
 * The checkout that a host runs from; undefined for one that was installed from a registry, whose SDK is there too.
 *
 * @param from a directory inside the host's package
 * @throws INTERNAL when the checkout's SDK is not built
 */
export function findCheckout(from: string): Checkout | undefined {
  for (let folder = from; dirname(folder) !== folder; folder = dirname(folder)) {
    // Beside a host that was installed there is a published SDK.
    if (folder.split(sep).includes('node_modules')) continue;
    const sdk = join(folder, 'sdk');
    if (nameOf(join(sdk, 'package.json')) !== SDK) continue;
    if (!existsSync(join(sdk, 'dist', 'index.js'))) {
      throw new BulkheadError(
        ErrorCode.INTERNAL,
        `expected ${sdk} to be built, and it is not; run npm run build in ${folder}`,
      );
    }
    return { sdk, modules: join(folder, 'node_modules') };
  }
  return undefined;
}

function nameOf(file: string): unknown {
  try {
    const described: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return typeof described === 'object' && described !== null ? Reflect.get(described, 'name') : undefined;
  } catch {
    return undefined;
  }
}
