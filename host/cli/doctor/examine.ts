import { probeSandbox } from '../../sidecar/wall/probe-sandbox.js';
import type { Cli } from '../cli.js';
import { checkCgroup } from './cgroup.js';
import { loadHostConfig } from '../load.js';
import { checkConfiguration } from './configuration.js';
import { checkDaemon } from './daemon.js';
import { checkDisk } from './disk.js';
import type { Finding } from './finding.js';
import { checkLimits } from './limits.js';
import { checkNode } from './node-version.js';
import { judgeSandbox } from './sandbox.js';
import { checkUser } from './user.js';

export interface ExamineOptions {
  readonly configFile: string;
  readonly dataDir: string;
  readonly env: Cli['env'];
}

/** Looks at everything that decides how well Bulkhead runs here. */
export async function examine({ configFile, dataDir, env }: ExamineOptions): Promise<readonly Finding[]> {
  const uid = process.getuid?.();
  const node = checkNode(process.versions.node);
  const machine = {
    platform: process.platform,
    arch: process.arch,
    node: process.execPath,
    searchPath: env['PATH'],
  };
  const config = await loadHostConfig(env, { file: configFile }).then(
    (loaded) => loaded.config,
    () => undefined,
  );
  const slower = await Promise.all([
    checkUser({ ...machine, uid, dataDir, config }),
    probeSandbox(machine).then(judgeSandbox),
    process.platform === 'linux' ? checkCgroup(dataDir) : [],
    checkLimits(),
    checkDisk(dataDir, uid),
    checkConfiguration(configFile, env),
    checkDaemon(dataDir),
  ]);
  return [node, ...slower.flat()];
}
