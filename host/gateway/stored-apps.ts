import { createHash } from 'node:crypto';
import type { AppObject, ToolObject, UserObject } from '@bulkhead/proto/rules';
import type { Clock } from '../clock.js';
import { OBJECTS_CHANNEL } from '../objects/commit.js';
import type { Objects } from '../objects/objects.js';
import type { Store } from '../store/store.js';

/** An app of the store, with what it refers to. */
export interface StoredApp {
  readonly app: AppObject;
  /** Whose it is; absent when it belongs to nobody. */
  readonly user?: UserObject;
  /** The tools that it is allowed by their ids. */
  readonly tools: readonly ToolObject[];
}

/** The apps that the store keeps, by their keys. */
export interface StoredApps {
  /** The app that a key belongs to, whether it is active or not. @throws BulkheadError STORE_UNAVAILABLE */
  find(key: string): Promise<StoredApp | undefined>;
  close(): void;
}

export interface StoredAppsOptions {
  readonly store: Pick<Store, 'listen'>;
  readonly objects: Pick<Objects, 'app' | 'user' | 'tool'>;
  readonly clock: Clock;
}

/** What is known is asked for again after so long, in milliseconds, though no change was heard of. */
const KEEP_MS = 10_000;
/** Apps that are known at one time; the one that was found longest ago goes first. */
const MAX_KNOWN = 10_000;
/** Tools of one app that are looked up by id. */
const MAX_TOOLS = 1_000;

interface Known {
  readonly found: StoredApp;
  readonly untilMs: number;
}

/**
 * Finds apps by the hash of a key, so that the time it takes tells nothing of the keys there are. A change of an app, a
 * user or a tool, on whichever host, holds from the next request on.
 */
export function createStoredApps({ store, objects, clock }: StoredAppsOptions): StoredApps {
  const known = new Map<string, Known>();
  /** Differs when something was heard while an app was looked up. */
  let changes = 0;
  const forget = (): void => {
    changes += 1;
    known.clear();
  };
  const stopListening = store.listen(OBJECTS_CHANNEL, forget, forget);

  const lookUp = async (key: string): Promise<StoredApp | undefined> => {
    const app = await objects.app.findByCredential(key);
    if (app === undefined) return undefined;
    const ids = app.allowed.tools.filter((name) => name !== '*' && !name.includes('/')).slice(0, MAX_TOOLS);
    const [user, ...tools] = await Promise.all([
      app.user_id === undefined ? undefined : objects.user.find(app.user_id),
      ...ids.map((id) => objects.tool.find(id)),
    ]);
    return {
      app,
      ...(user === undefined ? {} : { user }),
      tools: tools.flatMap((tool) => (tool?.active === true ? [tool] : [])),
    };
  };

  return {
    async find(key) {
      const hash = createHash('sha256').update(key).digest('base64');
      const now = clock.monotonic();
      const before = known.get(hash);
      if (before !== undefined && before.untilMs > now) return before.found;
      const at = changes;
      const found = await lookUp(key);
      if (found === undefined || at !== changes) return found;
      known.delete(hash);
      known.set(hash, { found, untilMs: now + KEEP_MS });
      const [oldest] = known.keys();
      if (known.size > MAX_KNOWN && oldest !== undefined) known.delete(oldest);
      return found;
    },
    close() {
      stopListening();
      known.clear();
    },
  };
}
