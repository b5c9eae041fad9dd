import { createRequire } from 'node:module';
import { dirname } from 'node:path';

/** The SDK that this host gives to plugins: files that it hands on and never loads. */
export function sdkDirectory(): string {
  return dirname(createRequire(import.meta.url).resolve('@bulkhead/sdk/package.json'));
}
