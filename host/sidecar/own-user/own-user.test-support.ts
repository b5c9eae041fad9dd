import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_PLUGIN_UIDS } from '../../config/plugin-uids.js';
import type { Wall, WallKind } from '../command-line.js';
import { fixture } from '../launch.test-support.js';
import { openWall } from '../wall/open-wall.js';
import { findRunAs, type RunAs } from './run-as.js';
import { findClosed } from './way.js';

export const RANGE = { first: DEFAULT_PLUGIN_UIDS.first, count: DEFAULT_PLUGIN_UIDS.count };

const host = { platform: process.platform, uid: process.geteuid?.() };
const found = await findRunAs({ ...host, ...RANGE });

/** Why plugins can have no users of their own here; undefined when they can. */
export const NO_OWN_USERS = found.kind === 'works' ? await findClosedFixture(found.runAs) : found.found;
if (NO_OWN_USERS !== undefined && process.env['CI'] !== undefined && host.uid === 0)
  throw new Error(`no users to test with: ${NO_OWN_USERS}`);

async function findClosedFixture(runAs: RunAs): Promise<string | undefined> {
  const needed = [process.execPath, fixture('')].map((path) => ({ path, access: 'r' }) as const);
  const closed = await findClosed(needed, RANGE.first, runAs);
  return closed === undefined ? undefined : `${closed} is closed to other users`;
}

export function runAs(): RunAs {
  if (found.kind !== 'works') throw new Error(found.found);
  return found.runAs;
}

/** A host's data directory that others may pass through, with what it may keep there. */
export class HostFolder {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'bh-users-')));
  readonly dataDir = join(this.folder, 'data');
  readonly runDir = join(this.dataDir, 'run');

  constructor() {
    chmodSync(this.folder, 0o711);
    mkdirSync(this.dataDir, { mode: 0o700 });
    writeFileSync(join(this.dataDir, 'key'), 'secret', { mode: 0o644 });
  }

  /** An entry's own directory, as a host makes it. */
  entry(name: string): string {
    const path = join(this.dataDir, 'data', name);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return path;
  }

  async wall(kind: WallKind, use: 'auto' | 'always' = 'always', environment = 'test'): Promise<Wall> {
    const { wall } = await openWall({
      ...host,
      arch: process.arch,
      node: process.execPath,
      setting: kind,
      environment,
      closed: [this.dataDir],
      pluginUsers: { use, ...RANGE, dataDir: this.dataDir, pluginsDir: join(this.dataDir, 'plugins') },
    });
    return wall;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
