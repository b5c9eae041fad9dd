import { readdir, lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { BulkheadError, ErrorCode, type Problem } from '@bulkhead/proto';
import { checkPackage } from './check-package.js';
import type { Cli } from './cli.js';
import { loadHostConfig } from './load.js';
import type { PackageReport } from './package-report.js';

const OTHERS_MAY_WRITE = 0o022;
/** Dependencies are shared with a store; their tree is verified with the installer's lock. */
const SKIPPED = new Set(['node_modules']);
const MAX_FILES = 50_000;

/**
 * Verifies the plugin of a configured entry where it is installed.
 *
 * @throws PLUGIN_NOT_FOUND, CONFIG_INVALID
 */
export async function verifyPlugin(env: Cli['env'], file: string, name: string): Promise<PackageReport> {
  const { config } = await loadHostConfig(env, { file });
  const plugin = config.plugins.find((entry) => entry.name === name);
  if (plugin === undefined) {
    const known = config.plugins.map((entry) => entry.name).join(', ') || 'none';
    throw new BulkheadError(
      ErrorCode.PLUGIN_NOT_FOUND,
      `No plugin '${name}' is configured; there are: ${known}.`,
    );
  }
  const report = await checkPackage(plugin.directory);
  const problems = [...report.problems, ...(await checkTree(plugin.directory, process.getuid?.()))];
  return { ...report, name, checked: [...report.checked, 'owner and modes of its files'], problems };
}

/** Whoever may write a plugin's files decides what it does. */
async function checkTree(root: string, uid: number | undefined): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  const waiting = [root];
  let seen = 0;
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    seen += 1;
    if (seen > MAX_FILES) {
      problems.push(fault(root, `has more than ${MAX_FILES} files; the rest was not verified.`));
      break;
    }
    const info = await lstat(path);
    if (uid !== undefined && info.uid !== uid && info.uid !== 0) {
      problems.push(fault(path, `belongs to uid ${info.uid}; expected uid ${uid} or root.`));
    }
    if (!info.isSymbolicLink() && (info.mode & OTHERS_MAY_WRITE) !== 0) {
      problems.push(fault(path, `may be written by group or others. Run: chmod go-w '${path}'`));
    }
    if (!info.isDirectory()) continue;
    for (const child of await readdir(path)) if (!SKIPPED.has(child)) waiting.push(join(path, child));
  }
  return problems;
}

function fault(file: string, message: string): Problem {
  return { code: ErrorCode.PERMISSION_DENIED, message, file };
}
