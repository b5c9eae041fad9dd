import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { isPlainObject } from '@bulkhead/proto/rules';

/**
 * The plugin's configuration for a trial run, from a YAML or JSON file; without a file it is all defaults.
 *
 * @throws CONFIG_INVALID
 */
export async function readPluginConfig(file: string | undefined): Promise<Readonly<Record<string, unknown>>> {
  if (file === undefined) return {};
  try {
    const value: unknown = parse(await readFile(file, 'utf8'));
    if (isPlainObject(value)) return value;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new BulkheadError(ErrorCode.CONFIG_INVALID, `${file}: ${why}`, { cause: error });
  }
  throw new BulkheadError(ErrorCode.CONFIG_INVALID, `${file}: expected a map of the plugin's configuration`);
}
