import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { SecretServiceDefinition } from '@bulkhead/proto/host';
import { createTwinMethods, unary, type TwinMethod } from './twin-methods.js';

/** Secrets in memory. */
export class SecretsTwin {
  readonly methods: readonly TwinMethod[];
  readonly #values = new Map<string, { readonly value: string; readonly version: number }>();

  /** @param granted the names that the plugin may ask for */
  constructor(granted: readonly string[], contents: Readonly<Record<string, string>> = {}) {
    for (const [name, value] of Object.entries(contents)) this.set(name, value);
    this.methods = createTwinMethods(SecretServiceDefinition, [
      unary(SecretServiceDefinition.methods.getSecret, ({ name }) => {
        if (!granted.includes(name)) {
          throw new BulkheadError(
            ErrorCode.PERMISSION_DENIED,
            `the secret '${name}' was not granted; name it under permissions.secrets`,
            { field: 'name' },
          );
        }
        const secret = this.#values.get(name);
        if (secret !== undefined) return { value: secret.value, version: BigInt(secret.version) };
        throw new BulkheadError(ErrorCode.NOT_FOUND, `the secret '${name}' has no value`, { field: 'name' });
      }),
    ]);
  }

  /** Gives a secret a new value, as an operator does who rotates it. */
  set(name: string, value: string): void {
    this.#values.set(name, { value, version: (this.#values.get(name)?.version ?? 0) + 1 });
  }
}
