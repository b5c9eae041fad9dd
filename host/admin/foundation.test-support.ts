import { join } from 'node:path';
import type { FoundationConfig } from '../config/load-foundation.js';

/** Everything in one folder, as a configuration without a word about it has it. */
export function foundationSettings(dataDir: string): FoundationConfig {
  return {
    environment: 'test',
    host: {
      dataDir,
      pluginsDir: join(dataDir, 'plugins'),
      cacheDir: join(dataDir, 'cache'),
      sandbox: 'auto',
      pluginUids: { use: 'auto', first: 60_706, count: 478 },
      envAllow: [],
      drainTimeoutMs: 10_000,
      configWrites: 'allow',
    },
    store: {},
    audit: { all: [] },
    secrets: { kind: 'file', path: join(dataDir, 'secret-key'), byDefault: true },
  };
}
