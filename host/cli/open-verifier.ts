import { join } from 'node:path';
import type { InstallSettings } from '../config/load-install.js';
import { LOCK_FILE } from '../install/lock-file.js';
import { createStartVerifier, type StartVerifier } from '../install/start-verifier.js';
import type { TreeChecker } from '../install/tree-checker.js';
import { HOST_VERSION } from '../version.js';

/** A verifier as the configuration says. */
export function openVerifier(settings: InstallSettings, trees: TreeChecker): StartVerifier {
  const { base, pluginsDir, cacheDir, environment, sources } = settings;
  return createStartVerifier({
    pluginsDir,
    cacheDir,
    lockFile: join(base, LOCK_FILE),
    environment,
    versions: { app: HOST_VERSION, node: process.versions.node },
    trees,
    ...(sources === undefined ? {} : { policy: sources }),
  });
}
