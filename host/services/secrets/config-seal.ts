import type { Kysely } from 'kysely';
import { SEALED_PREFIX } from '../../objects/seal.js';
import type { Database } from '../../store/database.js';
import { parseLeaves, type Leaf } from '../../stored-config/leaves.js';
import {
  openLeaf,
  sealLeaf,
  type ConfigSeal,
  type LeafPlace,
  type SealLeaf,
} from '../../stored-config/seal.js';
import { invalid, type KeyRing } from './key-ring.js';
import { seal, unseal, type SealedFor, type SecretKey } from './seal.js';
import { keyOf, writingKey } from './writing-key.js';

/** Encrypts values of the configuration's layer with the keys of the secrets. A sealed one names its key. */
export function createConfigSeal({
  ring,
  prepare,
}: {
  readonly ring: KeyRing;
  readonly prepare: ConfigSeal['prepare'];
}): ConfigSeal {
  return {
    prepare,
    sealer: async (trx) => sealWith(await writingKey(ring, trx)),
    open(sealed, place) {
      const [id = '', text = ''] = sealed.slice(SEALED_PREFIX.length).split(':');
      const value = unseal(keyOf(ring, id), forLeaf(place), Buffer.from(text, 'base64'));
      if (value !== undefined) return value;
      throw invalid(
        `plugins.${place.entry}.${place.path.join('.')} does not open with its key: it was changed in the store. Set it anew`,
      );
    },
  };
}

/**
 * Encrypts every sealed value of the layer anew. Versions stay: nothing was set.
 *
 * @returns of how many entries
 * @throws SECRET_KEY_INVALID when one does not open
 */
export async function resealConfig(
  trx: Kysely<Database>,
  from: Pick<ConfigSeal, 'open'>,
  key: SecretKey,
): Promise<number> {
  const rows = await trx.selectFrom('config_layer').select(['entry', 'leaves']).execute();
  let count = 0;
  for (const { entry, leaves: text } of rows) {
    const leaves = parseLeaves(text);
    if (!leaves.some(({ sealed }) => sealed)) continue;
    const anew = (leaf: Leaf): Leaf =>
      leaf.sealed === true ? sealLeaf(openLeaf(leaf, entry, from), entry, sealWith(key)) : leaf;
    await trx
      .updateTable('config_layer')
      .set({ leaves: JSON.stringify(leaves.map(anew)) })
      .where('entry', '=', entry)
      .execute();
    count += 1;
  }
  return count;
}

function sealWith(key: SecretKey): SealLeaf {
  return (text, place) =>
    `${SEALED_PREFIX}${key.id}:${Buffer.from(seal(key, forLeaf(place), text)).toString('base64')}`;
}

function forLeaf({ entry, path }: LeafPlace): SealedFor {
  return { kind: 'config', parts: [entry, ...path] };
}
