import {
  NO_PERMISSIONS,
  comparePermissions,
  intersectPermissions,
  permissionNames,
} from '@bulkhead/proto/rules/schema';
import type { Manifest } from '../manifest/manifest.js';
import { askedOf, type Grant } from './grant.js';
import { describePermission } from './words.js';

/** What a plugin asks for, in plain words; what changed since the last decision comes first. */
export function renderRequest(
  manifest: Pick<Manifest, 'id' | 'name' | 'version' | 'permissions'>,
  previous: Grant | undefined,
): string {
  const asked = askedOf(manifest);
  const { widened, narrowed } = comparePermissions(previous?.asked ?? NO_PERMISSIONS, asked);
  const title = `${manifest.name} ${manifest.version} (${manifest.id})`;
  if (previous === undefined) {
    const names = permissionNames(asked);
    return names.length === 0 ? `${title} asks for no permission.\n` : `${title} asks for:\n${lines(names)}`;
  }
  const kept = permissionNames(intersectPermissions(asked, previous.granted));
  const declined = permissionNames(asked).filter((name) => !kept.includes(name) && !widened.includes(name));
  const since = `${previous.pluginVersion}, decided by ${previous.by} on ${previous.at.slice(0, 10)}`;
  return [
    `${title}, compared with ${since}:\n`,
    section('New:', widened),
    section('No longer asked for:', narrowed),
    section('Granted before, and it stays:', kept),
    section('Asked for before and not granted:', declined),
  ].join('');
}

function section(title: string, names: readonly string[]): string {
  return names.length === 0 ? '' : `${title}\n${lines(names)}`;
}

function lines(names: readonly string[]): string {
  return names.map((name) => `  - ${describePermission(name)} (${name})\n`).join('');
}
