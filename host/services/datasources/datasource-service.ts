import {
  CreateDatasourceRequest,
  CreateDatasourceResponse,
  DatasourceServiceDefinition,
  DeleteDatasourceRequest,
  DeleteDatasourceResponse,
  GetDatasourceRequest,
  GetDatasourceResponse,
  ListDatasourcesRequest,
  ListDatasourcesResponse,
  UpdateDatasourceRequest,
  UpdateDatasourceResponse,
} from '@bulkhead/proto/host';
import type { Objects } from '../../objects/objects.js';
import { createHostMethods, type HostMethod } from '../../sidecar/host-method.js';
import { createObjectService } from '../objects/object-service.js';
import { unary } from '../unary.js';

/** @param queryDatasource asks a source: `createQueryDatasource` */
export function createDatasourceMethods(
  { datasource }: Pick<Objects, 'datasource'>,
  queryDatasource: HostMethod['handle'],
): readonly HostMethod[] {
  const datasources = createObjectService('datasource', datasource);
  return createHostMethods(DatasourceServiceDefinition, {
    listDatasources: unary(ListDatasourcesRequest, ListDatasourcesResponse, async ({ options }, call) => {
      const { items, nextPageToken } = await datasources.list(options, call);
      return { datasources: items, nextPageToken };
    }),
    getDatasource: unary(GetDatasourceRequest, GetDatasourceResponse, async ({ id }, call) => ({
      datasource: await datasources.get(id, call),
    })),
    queryDatasource,
    createDatasource: unary(CreateDatasourceRequest, CreateDatasourceResponse, async (request, call) => ({
      datasource: await datasources.create(request.datasource, request.options, call),
    })),
    updateDatasource: unary(UpdateDatasourceRequest, UpdateDatasourceResponse, async (request, call) => ({
      datasource: await datasources.update(request.datasource, request.options, call),
    })),
    deleteDatasource: unary(
      DeleteDatasourceRequest,
      DeleteDatasourceResponse,
      async ({ id, options }, call) => {
        await datasources.delete(id, options, call);
        return {};
      },
    ),
  });
}
