import { createHash } from 'node:crypto';
import { permissionNames, type Permissions } from '@bulkhead/proto/rules/schema';
import type { DecidedGrant } from '../config/effective-grant.js';
import type { Manifest } from '../manifest/manifest.js';

/** A decision before it is stored. */
export interface GrantDecision extends DecidedGrant {
  /** The plugin's version that it was decided for. */
  readonly pluginVersion: string;
  /** Who decided: a person's name, or what acted for them. */
  readonly by: string;
}

/** A decision as it is stored. */
export interface Grant extends GrantDecision {
  /** When, ISO 8601. */
  readonly at: string;
}

/** What a plugin asks for. The lock names the same, so that a package cannot ask for more than what was reviewed. */
export function askedOf(manifest: Pick<Manifest, 'permissions'>): Permissions {
  return manifest.permissions;
}

/** `sha256-…` over the sorted names of permissions: equal exactly when the same is asked. */
export function hashOfPermissions(permissions: Permissions): string {
  const names = permissionNames(permissions).toSorted();
  return `sha256-${createHash('sha256').update(JSON.stringify(names)).digest('base64')}`;
}
