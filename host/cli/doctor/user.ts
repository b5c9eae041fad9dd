import { DEFAULT_PLUGIN_UIDS } from '../../config/plugin-uids.js';
import type { HostConfig } from '../../config/config.js';
import { findOwnUsers } from '../../sidecar/own-user/open-plugin-users.js';
import { findClosed } from '../../sidecar/own-user/way.js';
import { sandboxOfUser, type ProbeOptions } from '../../sidecar/wall/probe-sandbox.js';
import type { Finding } from './finding.js';

const CHECK = 'user';
const OF_ITS_OWN =
  'Or run it as a user of its own: useradd --system bulkhead && sudo -u bulkhead bulkhead start';
const WHY_ROOT =
  'A plugin that gets out of its sandbox is root too, and the limit on processes does not bind root.';
const WHY_CLOSED =
  'It cannot run as a user of its own then: under the basic wall it does not start in production, else it is root.';

export interface UserOptions extends ProbeOptions {
  /** Who the host runs as; undefined where the system has no such numbers. */
  readonly uid: number | undefined;
  readonly dataDir: string;
  /** Undefined when it does not load. */
  readonly config: HostConfig | undefined;
}

/** Who the host runs as, and whom that makes its plugins. */
export async function checkUser(options: UserOptions): Promise<readonly Finding[]> {
  const { uid, dataDir, config } = options;
  if (uid !== 0)
    return [{ check: CHECK, level: 'ok', found: uid === undefined ? 'no user ids here' : `uid ${uid}` }];
  const { first, count, use } = config?.host.pluginUids ?? DEFAULT_PLUGIN_UIDS;
  if (use === 'never')
    return [
      asRoot('root, and plugins too: host.plugin_uids.use is never', 'Set host.plugin_uids.use: auto.'),
    ];
  const strict = config?.host.sandbox === 'strict' || config?.host.sandbox === 'auto';
  const found = await findOwnUsers({
    ...options,
    settings: { use, first, count, dataDir, pluginsDir: config?.host.pluginsDir ?? dataDir },
    ...(strict ? { tryWall: sandboxOfUser(options) } : {}),
  });
  if (found.kind !== 'works') return [asRoot(`root, and plugins too: ${found.found}`, found.fix)];
  const plugins = (config?.plugins ?? []).filter((plugin) => plugin.enabled && plugin.remote === undefined);
  const closed = await Promise.all(
    plugins.map(async ({ name, directory, nodePath = options.node }): Promise<readonly Finding[]> => {
      const needed = [nodePath, directory].map((path) => ({ path, access: 'r' }) as const);
      const path = await findClosed(needed, first, found.runAs);
      if (path === undefined) return [];
      return [
        {
          check: CHECK,
          level: 'warning',
          found: `${path} is closed to the user of plugin '${name}'`,
          why: WHY_CLOSED,
          fix: `chmod o+rx ${path}, or install it in a folder that others may read`,
        },
      ];
    }),
  );
  const offered = `root; each plugin runs as a user of its own, ${first} to ${first + count - 1}`;
  return [{ check: CHECK, level: 'ok', found: offered }, ...closed.flat()];
}

function asRoot(found: string, fix: string): Finding {
  return { check: CHECK, level: 'warning', found, why: WHY_ROOT, fix: `${fix} ${OF_ITS_OWN}` };
}
