import { RegistrationKind, type Registration } from '@bulkhead/proto/plugin';
import { REGISTRATION_KINDS, type RegistrationName } from '@bulkhead/proto/rules';
import { registeredBy, type Implementation } from './implementation.js';

const KIND: Readonly<Record<RegistrationName, RegistrationKind>> = {
  hook: RegistrationKind.REGISTRATION_KIND_HOOK,
  'object hook': RegistrationKind.REGISTRATION_KIND_OBJECT_HOOK,
  tool: RegistrationKind.REGISTRATION_KIND_TOOL,
  command: RegistrationKind.REGISTRATION_KIND_COMMAND,
  route: RegistrationKind.REGISTRATION_KIND_ROUTE,
  'RPC method': RegistrationKind.REGISTRATION_KIND_RPC_METHOD,
  schedule: RegistrationKind.REGISTRATION_KIND_SCHEDULE,
};

/** What the code registered, as the host is told. */
export function toRegistrations(implementation: Implementation): Registration[] {
  const registered = registeredBy(implementation);
  return REGISTRATION_KINDS.flatMap((kind) =>
    registered[kind].map((name) => ({
      kind: KIND[kind],
      name,
      priority: kind === 'object hook' ? (implementation.objectHooks.get(name)?.priority ?? 0) : 0,
    })),
  );
}
