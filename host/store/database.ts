import type { ConfigLayerTable } from './tables/config-layer.js';
import type { GrantsTable } from './tables/grants.js';
import type { KvTable } from './tables/kv.js';
import type { ObjectTables } from './tables/objects.js';
import type { UsageTable } from './tables/usage.js';

/** Every table, by name. Each part of the host adds its own from its file in `tables/`. */
export interface Database extends ObjectTables {
  readonly config_layer: ConfigLayerTable;
  readonly grants: GrantsTable;
  readonly kv: KvTable;
  readonly usage: UsageTable;
}
