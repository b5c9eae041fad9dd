import { BulkheadError } from '@bulkhead/proto';
import { ErrorCode } from '@bulkhead/proto';
import {
  AppServiceDefinition,
  CreateAppRequest,
  CreateAppResponse,
  DeleteAppRequest,
  DeleteAppResponse,
  GetAppByCredentialRequest,
  GetAppByCredentialResponse,
  GetAppRequest,
  GetAppResponse,
  ListAppsRequest,
  ListAppsResponse,
  PatchAppMetadataRequest,
  PatchAppMetadataResponse,
  UpdateAppRequest,
  UpdateAppResponse,
} from '@bulkhead/proto/host';
import { checkNotes, type Notes } from '@bulkhead/proto/rules';
import type { Objects } from '../../objects/objects.js';
import { createHostMethods, type HostMethod } from '../../sidecar/host-method.js';
import { actorOf, createObjectService } from '../objects/object-service.js';
import { unary } from '../unary.js';

export function createAppMethods({ app }: Pick<Objects, 'app'>): readonly HostMethod[] {
  const apps = createObjectService('app', app);
  return createHostMethods(AppServiceDefinition, {
    listApps: unary(ListAppsRequest, ListAppsResponse, async ({ options }, call) => {
      const { items, nextPageToken } = await apps.list(options, call);
      return { apps: items, nextPageToken };
    }),
    getApp: unary(GetAppRequest, GetAppResponse, async ({ id }, call) => ({ app: await apps.get(id, call) })),
    getAppByCredential: unary(
      GetAppByCredentialRequest,
      GetAppByCredentialResponse,
      async ({ credential }, call) => ({ app: await apps.getByCredential(credential, call) }),
    ),
    patchAppMetadata: unary(
      PatchAppMetadataRequest,
      PatchAppMetadataResponse,
      async ({ id, key, valueJson }, call) => {
        const notes = readNotes({ [key]: valueJson });
        return { app: apps.show(await app.note(actorOf(call), id, call.plugin.id, notes), call) };
      },
    ),
    createApp: unary(CreateAppRequest, CreateAppResponse, async (request, call) => ({
      app: await apps.create(request.app, request.options, call),
    })),
    updateApp: unary(UpdateAppRequest, UpdateAppResponse, async (request, call) => ({
      app: await apps.update(request.app, request.options, call),
    })),
    deleteApp: unary(DeleteAppRequest, DeleteAppResponse, async ({ id, options }, call) => {
      await apps.delete(id, options, call);
      return {};
    }),
  });
}

/** The same rule as for notes that an object hook writes. @throws BulkheadError INVALID_ARGUMENT */
function readNotes(notes: Readonly<Record<string, string>>): Notes {
  try {
    return checkNotes('PatchAppMetadata', notes);
  } catch (error) {
    throw new BulkheadError(ErrorCode.INVALID_ARGUMENT, BulkheadError.from(error).message, {
      field: 'key',
      cause: error,
    });
  }
}
