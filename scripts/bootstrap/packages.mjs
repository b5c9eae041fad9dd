import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { hashFiles, isStamped, writeStamp } from './stamp.mjs';
import { ROOT, step } from './step.mjs';

/** The one place where the package manager's version is pinned. */
export const PNPM = 'pnpm@12.21.0';

/** Installs the workspace exactly as the lockfile says, unless that was done and nothing changed. */
export async function installPackages() {
  const stamp = hashFiles(packageFiles(), `${PNPM} ${process.platform} ${process.arch}`);
  if (isStamped('packages', stamp) && existsSync(join(ROOT, 'node_modules', '.modules.yaml'))) return;
  const windows = process.platform === 'win32';
  await step(
    'Installing packages (the first time takes a minute or two)',
    windows ? 'npx.cmd' : 'npx',
    ['--yes', PNPM, 'install', '--frozen-lockfile', '--config.confirmModulesPurge=false'],
    { shell: windows },
  );
  writeStamp('packages', stamp);
}

/** Everything that decides what an install does. */
function packageFiles() {
  const files = ['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml', '.npmrc'].map((f) => join(ROOT, f));
  const folders = [
    'proto',
    'sdk',
    'host',
    'test',
    ...children('plugins'),
    ...children('test/fixtures/plugins'),
  ];
  return [...files, ...folders.map((folder) => join(ROOT, folder, 'package.json'))];
}

function children(folder) {
  const path = join(ROOT, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(folder, entry.name));
}
