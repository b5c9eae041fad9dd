import { SEALED_PREFIX, type Seal, type SealSecret, type SecretPlace } from '../../objects/seal.js';
import { invalid, type KeyRing } from './key-ring.js';
import { seal, unseal, type SealedFor, type SecretKey } from './seal.js';
import { keyOf, writingKey } from './writing-key.js';

/** Encrypts secrets inside objects with the keys of the secrets. A sealed one names its key. */
export function createObjectSeal({
  ring,
  prepare,
}: {
  readonly ring: KeyRing;
  readonly prepare: Seal['prepare'];
}): Seal {
  return {
    prepare,
    sealer: async (trx) => sealWith(await writingKey(ring, trx)),
    open(sealed, place) {
      if (!sealed.startsWith(SEALED_PREFIX)) return sealed;
      const [id = '', text = ''] = sealed.slice(SEALED_PREFIX.length).split(':');
      const secret = unseal(keyOf(ring, id), forObject(place), Buffer.from(text, 'base64'));
      if (secret !== undefined) return secret;
      throw invalid(
        `${place.field} of the ${place.type} '${place.id}' does not open with its key: it was changed in the store. Write it anew`,
      );
    },
  };
}

export function sealWith(key: SecretKey): SealSecret {
  return (secret, place) =>
    `${SEALED_PREFIX}${key.id}:${Buffer.from(seal(key, forObject(place), secret)).toString('base64')}`;
}

function forObject({ type, id, field }: SecretPlace): SealedFor {
  return { kind: 'object', parts: [type, id, field] };
}
