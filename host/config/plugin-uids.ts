import type { JsonSchema } from '@bulkhead/proto/rules/schema';

/** `host.plugin_uids`: which users a host that root runs may run plugins as. */
export interface PluginUids {
  /** `auto`: where that can be done; under the basic wall in production, only so. */
  readonly use: 'auto' | 'always' | 'never';
  readonly first: number;
  readonly count: number;
}

/**
 * 60706 to 61183 belongs to nobody: above the people, below the dynamic users of systemd, and within the 65536 numbers
 * that a container in a user namespace has.
 */
export const DEFAULT_PLUGIN_UIDS: PluginUids = { use: 'auto', first: 60_706, count: 478 };
/** Below are the system's own and, mostly, people. */
const LEAST = 1_000;
/** However many follow, they stay below 4294967295, which means "no user" to the kernel. */
const MOST = 4_290_000_000;

export const PLUGIN_UIDS: JsonSchema = {
  use: {
    enum: ['auto', 'always', 'never'],
    default: DEFAULT_PLUGIN_UIDS.use,
    description:
      '`auto`: where the host may; a plugin whose files are closed to such a user runs as root outside production and under the strict wall, and does not start under the basic wall in production. `always`: or it does not start. `never`: as the user of the host.',
  },
  first: {
    type: 'integer',
    minimum: LEAST,
    maximum: MOST,
    default: DEFAULT_PLUGIN_UIDS.first,
    description: 'The first user id, and group id, that is for plugins alone.',
  },
  count: {
    type: 'integer',
    minimum: 1,
    maximum: 1_000_000,
    default: DEFAULT_PLUGIN_UIDS.count,
    description:
      'How many there are from there on; each entry keeps one as long as its data directory is there. Hosts that share a machine, in containers too, should each have their own.',
  },
};
