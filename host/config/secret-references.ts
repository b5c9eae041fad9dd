import type { Keys } from '@bulkhead/proto/rules/schema';
import type { Origin } from '../manifest/source-tree.js';
import type { PluginConfig } from './config.js';
import type { Report } from './report.js';

interface Use {
  readonly secret: string;
  readonly keys: Keys;
  readonly origin: Origin;
}

/** What a configuration reads of secrets. For a plugin a name must be granted, which is known only once its entry is resolved. */
export class SecretReferences {
  readonly names = new Set<string>();
  readonly #secrets: ReadonlyMap<string, string> | 'unread';
  readonly #usesOf = new Map<string, Use[]>();

  constructor(secrets: ReadonlyMap<string, string> | 'unread' = new Map()) {
    this.#secrets = secrets;
  }

  read(secret: string, keys: Keys, origin: Origin): string | undefined {
    this.names.add(secret);
    const [section, entry] = keys;
    if (section === 'plugins') {
      const uses = this.#usesOf.get(String(entry)) ?? [];
      uses.push({ secret, keys, origin });
      this.#usesOf.set(String(entry), uses);
    }
    return this.#secrets === 'unread' ? `\${secret:${secret}}` : this.#secrets.get(secret);
  }

  /** Tells the report of each secret that an entry reads and that its plugin was not granted. */
  assertGranted({ name, enabled, grantMissing, granted }: PluginConfig, report: Report): void {
    // It does not start, and its configuration goes nowhere.
    if (!enabled || grantMissing !== undefined) return;
    for (const { secret, keys, origin } of this.#usesOf.get(name) ?? []) {
      if (granted.secrets.includes(secret)) continue;
      report.problem(
        keys,
        `\${secret:${secret}} may not be read for this plugin: its manifest does not ask for the secret, or nobody granted it. See \`bulkhead plugin grants ${name}\`.`,
        undefined,
        origin,
      );
    }
  }
}
