import { scope } from './gen/bulkhead/v1/scope.js';
import { BulkheadError, ErrorCode } from './errors.js';

/** What of a generated service definition says which scope its methods need. */
export interface ScopedService {
  readonly fullName: string;
  readonly methods: Readonly<
    Record<
      string,
      {
        readonly name: string;
        readonly options: { readonly _unknownFields?: Readonly<Record<number, readonly Uint8Array[]>> };
      }
    >
  >;
}

/** Written in the .proto where a method needs no scope. */
export const NO_SCOPE = 'none';

/**
 * The scope of every method of a service of `bulkhead.host.v1`: full method path to scope, read from the option in the .proto.
 *
 * @throws BulkheadError INTERNAL for a method without the option: nobody decided who may call it
 */
export function scopesOf(service: ScopedService): ReadonlyMap<string, string> {
  const scopes = new Map<string, string>();
  for (const method of Object.values(service.methods)) {
    const path = `/${service.fullName}/${method.name}`;
    const raw = method.options._unknownFields?.[scope.tag];
    const value = raw === undefined ? undefined : scope.decode?.(scope.tag, [...raw]);
    if (value === undefined || value === '') {
      throw new BulkheadError(
        ErrorCode.INTERNAL,
        `${path} has no (bulkhead.v1.scope) option; write "none" where none is needed`,
      );
    }
    scopes.set(path, value);
  }
  return scopes;
}
