import { SecretServiceClientImpl } from '@bulkhead/proto/host';
import type { HostRpc } from './transport.js';

export interface SecretValue {
  readonly value: string;
  /** Grows with each change. */
  readonly version: number;
}

/** Secrets that were granted by name. Needs the scope secrets.read. */
export interface Secrets {
  /**
   * The value as it is now; ask again instead of keeping it for long, so that a rotated one is seen.
   *
   * @throws BulkheadError PERMISSION_DENIED for a name that was not granted, NOT_FOUND for one without a value, as a rejection
   */
  get(name: string): Promise<string>;
  getVersion(name: string): Promise<SecretValue>;
}

export function createSecrets(rpc: HostRpc): Secrets {
  const client = new SecretServiceClientImpl(rpc);
  return {
    get: async (name) => (await client.GetSecret({ name })).value,
    async getVersion(name) {
      const { value, version } = await client.GetSecret({ name });
      return { value, version: Number(version) };
    },
  };
}
