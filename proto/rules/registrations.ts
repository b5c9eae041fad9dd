import { BulkheadError, ErrorCode } from '../errors.js';
import { objectHookNames, type Contributions } from './contributions.js';

/** The kinds of things that a plugin registers, in words. */
export const REGISTRATION_KINDS = [
  'hook',
  'object hook',
  'tool',
  'command',
  'route',
  'RPC method',
  'schedule',
] as const;
export type RegistrationName = (typeof REGISTRATION_KINDS)[number];

/** What is declared, or registered, of each kind: hooks and the rest by name, object hooks as `llm.before_create`, routes as `GET /path`. */
export type Registered = Readonly<Record<RegistrationName, readonly string[]>>;

/** What a manifest declares. Without a key `object_hooks` those are undefined: nobody declared anything about them. */
export type Declared = Omit<Registered, 'object hook'> & {
  readonly 'object hook': readonly string[] | undefined;
};

export function declaredRegistrations(hooks: readonly string[], contributions: Contributions): Declared {
  return {
    hook: hooks,
    'object hook': contributions.objectHooks && objectHookNames(contributions.objectHooks),
    tool: contributions.tools.map(({ name }) => name),
    command: contributions.commands.map(({ name }) => name),
    route: contributions.routes.flatMap(({ methods, path }) => methods.map((method) => `${method} ${path}`)),
    'RPC method': contributions.rpcMethods.map(({ name }) => name),
    schedule: contributions.schedules.map(({ name }) => name),
  };
}

/** Names that an error quotes of one kind. */
const MAX_QUOTED = 20;
const MAX_NAME_CHARS = 100;

/**
 * What is declared is what is registered, exactly; each thing once. Object hooks that no key of the manifest speaks of are
 * left to the caller.
 *
 * @throws BulkheadError REGISTRATION_MISMATCH that names both sides
 */
export function assertRegistrations(declared: Declared, registered: Registered): void {
  const faults = REGISTRATION_KINDS.flatMap((kind) => {
    const wanted = declared[kind];
    const names = registered[kind];
    const twice = names.filter((name, index) => names.indexOf(name) !== index);
    const missing = wanted?.filter((name) => !names.includes(name)) ?? [];
    const extra = wanted === undefined ? [] : names.filter((name) => !wanted.includes(name));
    return [
      ...fault(kind, missing, 'declared and not registered: write a handler, or take it out of the manifest'),
      ...fault(kind, extra, UNDECLARED[kind] ?? UNDECLARED.hook),
      ...fault(kind, twice, 'registered more than once'),
    ];
  });
  if (faults.length === 0) return;
  throw new BulkheadError(
    ErrorCode.REGISTRATION_MISMATCH,
    `the plugin's code and its manifest differ: ${faults.join('; ')}`,
  );
}

const UNDECLARED: Readonly<Partial<Record<RegistrationName, string>>> & { readonly hook: string } = {
  hook: 'registered and not declared: add it to the manifest, or remove the handler',
  'object hook':
    "registered and not declared: add it to the manifest, list it under object_hooks of the plugin's entry, or remove the handler",
};

function fault(kind: RegistrationName, names: readonly string[], what: string): readonly string[] {
  if (names.length === 0) return [];
  const once = [...new Set(names)];
  const more = once.length > MAX_QUOTED ? `, and ${once.length - MAX_QUOTED} more` : '';
  const quoted = once
    .slice(0, MAX_QUOTED)
    .map((name) => JSON.stringify(name.slice(0, MAX_NAME_CHARS)))
    .join(', ');
  return [`${kind}${once.length === 1 ? '' : 's'} ${quoted}${more} ${what}`];
}
