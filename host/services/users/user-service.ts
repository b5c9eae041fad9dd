import {
  GetUserByCredentialRequest,
  GetUserByCredentialResponse,
  GetUserRequest,
  GetUserResponse,
  UserServiceDefinition,
} from '@bulkhead/proto/host';
import type { Objects } from '../../objects/objects.js';
import { createHostMethods, type HostMethod } from '../../sidecar/host-method.js';
import { createObjectService } from '../objects/object-service.js';
import { unary } from '../unary.js';

export function createUserMethods({ user }: Pick<Objects, 'user'>): readonly HostMethod[] {
  const users = createObjectService('user', user);
  return createHostMethods(UserServiceDefinition, {
    getUser: unary(GetUserRequest, GetUserResponse, async ({ id }, call) => ({
      user: await users.get(id, call),
    })),
    getUserByCredential: unary(
      GetUserByCredentialRequest,
      GetUserByCredentialResponse,
      async ({ credential }, call) => ({ user: await users.getByCredential(credential, call) }),
    ),
  });
}
