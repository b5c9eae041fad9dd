import { LlmServiceClientImpl } from '@bulkhead/proto/host';
import {
  createObjectReader,
  createObjectWriter,
  type ObjectReader,
  type ObjectWriter,
} from './object-client.js';
import type { HostRpc } from './transport.js';

/** The LLMs that the gateway knows. Reading needs the scope llms.read, writing llms.write. */
export interface Llms extends ObjectReader<'llm'>, ObjectWriter<'llm'> {
  /** How many there are, of those that the filter lets through. */
  count(filter?: Readonly<Record<string, string>>): Promise<number>;
}

export function createLlms(rpc: HostRpc): Llms {
  const client = new LlmServiceClientImpl(rpc);
  return {
    ...createObjectReader('llm', {
      async list(options) {
        const { llms, nextPageToken } = await client.ListLlms({ options });
        return { items: llms, nextPageToken };
      },
      get: async (id) => (await client.GetLlm({ id })).llm,
    }),
    ...createObjectWriter('llm', {
      create: async (llm, options) => (await client.CreateLlm({ llm, options })).llm,
      update: async (llm, options) => (await client.UpdateLlm({ llm, options })).llm,
      delete: (id, options) => client.DeleteLlm({ id, options }),
    }),
    count: async (filter) => Number((await client.CountLlms({ filter: { ...filter } })).count),
  };
}
