import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { readPermissions } from '@bulkhead/proto/rules/schema';
import { hashOfPermissions, type Grant } from './grant.js';

/** Version of the files in which an older release kept decisions. */
const FORMAT_VERSION = 1;

/**
 * @returns at least one decision, oldest first
 * @throws GRANT_INVALID
 */
export function parseGrantFile(text: string, id: string, file: string): readonly Grant[] {
  const invalid = (what: string): BulkheadError =>
    new BulkheadError(
      ErrorCode.GRANT_INVALID,
      `${file}: ${what}. Remove the file and decide anew with \`bulkhead plugin grants ${id}\`.`,
    );
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalid(
      `expected JSON, got something else (${error instanceof Error ? error.message : String(error)})`,
    );
  }
  if (!isRecord(value)) throw invalid('expected an object');
  const { version, id: named, decisions } = value;
  if (version !== FORMAT_VERSION)
    throw invalid(`expected version ${FORMAT_VERSION}, got ${JSON.stringify(version)}`);
  if (named !== id) throw invalid(`expected the grant of ${id}, got that of ${JSON.stringify(named)}`);
  if (!Array.isArray(decisions) || decisions.length === 0) throw invalid('expected at least one decision');
  return decisions.map((decision: unknown) => {
    if (!isRecord(decision)) throw invalid('expected each decision to be an object');
    const { at, by, plugin_version: pluginVersion, asked, asked_hash: hash, granted } = decision;
    if (typeof at !== 'string' || typeof by !== 'string' || typeof pluginVersion !== 'string') {
      throw invalid('expected at, by and plugin_version to be texts');
    }
    const grant = { at, by, pluginVersion, asked: readPermissions(asked), granted: readPermissions(granted) };
    if (hash !== hashOfPermissions(grant.asked)) throw invalid('what was asked and its hash differ');
    return grant;
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
