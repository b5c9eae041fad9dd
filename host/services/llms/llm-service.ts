import {
  CountLlmsRequest,
  CountLlmsResponse,
  CreateLlmRequest,
  CreateLlmResponse,
  DeleteLlmRequest,
  DeleteLlmResponse,
  GetLlmRequest,
  GetLlmResponse,
  ListLlmsRequest,
  ListLlmsResponse,
  LlmServiceDefinition,
  UpdateLlmRequest,
  UpdateLlmResponse,
} from '@bulkhead/proto/host';
import type { Objects } from '../../objects/objects.js';
import { createHostMethods, type HostMethod } from '../../sidecar/host-method.js';
import { createObjectService } from '../objects/object-service.js';
import { unary } from '../unary.js';

export function createLlmMethods({ llm }: Pick<Objects, 'llm'>): readonly HostMethod[] {
  const llms = createObjectService('llm', llm);
  return createHostMethods(LlmServiceDefinition, {
    listLlms: unary(ListLlmsRequest, ListLlmsResponse, async ({ options }, call) => {
      const { items, nextPageToken } = await llms.list(options, call);
      return { llms: items, nextPageToken };
    }),
    getLlm: unary(GetLlmRequest, GetLlmResponse, async ({ id }, call) => ({ llm: await llms.get(id, call) })),
    countLlms: unary(CountLlmsRequest, CountLlmsResponse, async ({ filter }) => ({
      count: BigInt(await llm.count(filter)),
    })),
    createLlm: unary(CreateLlmRequest, CreateLlmResponse, async (request, call) => ({
      llm: await llms.create(request.llm, request.options, call),
    })),
    updateLlm: unary(UpdateLlmRequest, UpdateLlmResponse, async (request, call) => ({
      llm: await llms.update(request.llm, request.options, call),
    })),
    deleteLlm: unary(DeleteLlmRequest, DeleteLlmResponse, async ({ id, options }, call) => {
      await llms.delete(id, options, call);
      return {};
    }),
  });
}
