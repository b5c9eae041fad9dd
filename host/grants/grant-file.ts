import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { readPermissions, writePermissions } from '@bulkhead/proto/rules/schema';
import { hashOfPermissions, type Grant } from './grant.js';

/** Version of the file's format. A host refuses one that it does not know. */
const FORMAT_VERSION = 1;

/** The file's text: every decision, oldest first; the last one is in force. */
export function formatGrantFile(id: string, grants: readonly Grant[]): string {
  const decisions = grants.map(({ asked, granted, pluginVersion, by, at }) => ({
    at,
    by,
    plugin_version: pluginVersion,
    asked: writePermissions(asked),
    asked_hash: hashOfPermissions(asked),
    granted: writePermissions(granted),
  }));
  return `${JSON.stringify({ version: FORMAT_VERSION, id, decisions }, null, 2)}\n`;
}

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
