import { RegistrationKind, type Registration } from '@bulkhead/proto/plugin';
import {
  assertRegistrations,
  type Declared,
  type Registered,
  type RegistrationName,
} from '@bulkhead/proto/rules';

const KIND: Readonly<Record<RegistrationName, RegistrationKind>> = {
  hook: RegistrationKind.REGISTRATION_KIND_HOOK,
  'object hook': RegistrationKind.REGISTRATION_KIND_OBJECT_HOOK,
  tool: RegistrationKind.REGISTRATION_KIND_TOOL,
  command: RegistrationKind.REGISTRATION_KIND_COMMAND,
  route: RegistrationKind.REGISTRATION_KIND_ROUTE,
  'RPC method': RegistrationKind.REGISTRATION_KIND_RPC_METHOD,
  schedule: RegistrationKind.REGISTRATION_KIND_SCHEDULE,
};

/**
 * Holds what a process says it registered against what its manifest declares: every start, because what a process
 * says may change with every start.
 *
 * @throws BulkheadError REGISTRATION_MISMATCH
 */
export function assertRegistered(declared: Declared, registrations: readonly Registration[]): void {
  const named = (kind: RegistrationName): readonly string[] =>
    registrations.filter((registration) => registration.kind === KIND[kind]).map(({ name }) => name);
  const registered: Registered = {
    hook: named('hook'),
    'object hook': named('object hook'),
    tool: named('tool'),
    command: named('command'),
    route: named('route'),
    'RPC method': named('RPC method'),
    schedule: named('schedule'),
  };
  assertRegistrations(declared, registered);
}
