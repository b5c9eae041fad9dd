import { GRANTS_CHANGED } from '../grants/store.js';
import type { Store } from '../store/store.js';
import { CONFIG_CHANGED } from './config-layer.js';

/** Changes whenever what the store says of a configuration does. */
export async function storedRevision({ db }: Pick<Store, 'db'>): Promise<string> {
  const [layer, grants] = await Promise.all([
    db
      .selectFrom('config_layer')
      .select(({ fn }) => fn.sum<number>('version').as('sum'))
      .executeTakeFirst(),
    db
      .selectFrom('grants')
      .select(({ fn }) => fn.max('id').as('max'))
      .executeTakeFirst(),
  ]);
  return `${layer?.sum ?? 0}:${grants?.max ?? 0}`;
}

/**
 * Calls back when another host, or this one, changed a grant or the configuration's layer; also after nobody could be
 * heard for a while. Returns the function that ends it.
 */
export function followStore(store: Store, onChange: () => void): () => void {
  const stops = [GRANTS_CHANGED, CONFIG_CHANGED].map((channel) => store.listen(channel, onChange, onChange));
  return () => {
    for (const stop of stops) stop();
  };
}
