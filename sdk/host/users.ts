import { UserServiceClientImpl } from '@bulkhead/proto/host';
import { fromMessage, type HostObject } from './object-client.js';
import type { HostRpc } from './transport.js';

/** The host's users. Needs the scope users.read. */
export interface Users {
  /** @throws BulkheadError NOT_FOUND, as a rejection */
  get(id: string): Promise<HostObject<'user'>>;
  /** @throws BulkheadError NOT_FOUND when nobody has the credential, as a rejection */
  getByCredential(credential: string): Promise<HostObject<'user'>>;
}

export function createUsers(rpc: HostRpc): Users {
  const client = new UserServiceClientImpl(rpc);
  return {
    get: async (id) => fromMessage('user', (await client.GetUser({ id })).user),
    getByCredential: async (credential) =>
      fromMessage('user', (await client.GetUserByCredential({ credential })).user),
  };
}
