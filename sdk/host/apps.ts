import { AppServiceClientImpl } from '@bulkhead/proto/host';
import { stringifyJson } from '@bulkhead/proto/json';
import {
  createObjectReader,
  createObjectWriter,
  fromMessage,
  type HostObject,
  type ObjectReader,
  type ObjectWriter,
} from './object-client.js';
import type { HostRpc } from './transport.js';

/** The apps that call the gateway. Reading needs the scope apps.read, writing apps.write. */
export interface Apps extends ObjectReader<'app'>, ObjectWriter<'app'> {
  /**
   * Finds the app that an app key belongs to.
   *
   * @throws BulkheadError NOT_FOUND when nobody has it, as a rejection
   */
  getByCredential(credential: string): Promise<HostObject<'app'>>;
  /** Sets one of this plugin's own notes on the app, atomically; `undefined` removes it. */
  patchMetadata(id: string, key: string, value: unknown): Promise<HostObject<'app'>>;
}

export function createApps(rpc: HostRpc): Apps {
  const client = new AppServiceClientImpl(rpc);
  return {
    ...createObjectReader('app', {
      async list(options) {
        const { apps, nextPageToken } = await client.ListApps({ options });
        return { items: apps, nextPageToken };
      },
      get: async (id) => (await client.GetApp({ id })).app,
    }),
    ...createObjectWriter('app', {
      create: async (app, options) => (await client.CreateApp({ app, options })).app,
      update: async (app, options) => (await client.UpdateApp({ app, options })).app,
      delete: (id, options) => client.DeleteApp({ id, options }),
    }),
    getByCredential: async (credential) =>
      fromMessage('app', (await client.GetAppByCredential({ credential })).app),
    async patchMetadata(id, key, value) {
      const valueJson = value === undefined ? '' : stringifyJson(value);
      return fromMessage('app', (await client.PatchAppMetadata({ id, key, valueJson })).app);
    },
  };
}
