import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { GetSecretRequest, GetSecretResponse, SecretServiceDefinition } from '@bulkhead/proto/host';
import { createHostMethods, type HostMethod } from '../../sidecar/host-method.js';
import { readRequest } from '../../sidecar/read-message.js';
import type { Secrets } from './secrets.js';

/** What plugins ask of secrets: a value by its name, when that name was granted to them. */
export function createSecretMethods(secrets: Pick<Secrets, 'get'>): readonly HostMethod[] {
  return createHostMethods(SecretServiceDefinition, {
    async getSecret(body, { plugin }) {
      const { name } = readRequest(GetSecretRequest, body);
      // Before it is looked for, so that nobody learns which secrets there are.
      if (plugin.grantedSecrets?.includes(name) !== true) {
        throw new BulkheadError(
          ErrorCode.PERMISSION_DENIED,
          `plugin '${plugin.name}' was not granted the secret '${name.slice(0, 100)}'; name it under permissions.secrets in the manifest, and have an operator grant it`,
          { field: 'name' },
        );
      }
      const found = await secrets.get(name);
      if (found === undefined) {
        throw new BulkheadError(
          ErrorCode.NOT_FOUND,
          `the secret '${name}' has no value; \`bulkhead secret set ${name}\` gives it one`,
        );
      }
      return GetSecretResponse.encode({ value: found.value, version: BigInt(found.version) }).finish();
    },
  });
}
