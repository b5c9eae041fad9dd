import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { RegistrationKind, type Registration } from '@bulkhead/proto/plugin';

/** Names that an error quotes. */
const MAX_QUOTED = 20;

/**
 * Holds what a process says it registered against what its manifest declares: every start, because what a process
 * says may change with every start.
 *
 * @throws BulkheadError REGISTRATION_MISMATCH
 */
export function assertRegistered(declared: readonly string[], registrations: readonly Registration[]): void {
  const hooks = registrations.filter(({ kind }) => kind === RegistrationKind.REGISTRATION_KIND_HOOK);
  const registered = new Set(hooks.map(({ name }) => name));
  if (hooks.length !== registered.size) {
    throw new BulkheadError(
      ErrorCode.REGISTRATION_MISMATCH,
      'the plugin registered the same hook more than once; register each once',
    );
  }
  const missing = declared.filter((name) => !registered.has(name));
  const undeclared = [...registered].filter((name) => !declared.includes(name));
  if (missing.length === 0 && undeclared.length === 0) return;
  throw new BulkheadError(
    ErrorCode.REGISTRATION_MISMATCH,
    `the plugin's code and its manifest differ:${quoted('declared and not registered', missing)}` +
      `${quoted('registered and not declared', undeclared)}; make them the same`,
  );
}

function quoted(what: string, names: readonly string[]): string {
  if (names.length === 0) return '';
  const more = names.length > MAX_QUOTED ? `, and ${names.length - MAX_QUOTED} more` : '';
  return ` ${what}: ${names
    .slice(0, MAX_QUOTED)
    .map((name) => JSON.stringify(name.slice(0, 100)))
    .join(', ')}${more}`;
}
