import {
  NO_PERMISSIONS,
  comparePermissions,
  intersectPermissions,
  permissionNames,
  subtractPermissions,
  unitePermissions,
  type Permissions,
} from '@bulkhead/proto/rules/schema';
import type { Manifest } from '../manifest/manifest.js';

/** What an operator decided about a plugin, as it was stored. */
export interface DecidedGrant {
  /** What the plugin asked for then. */
  readonly asked: Permissions;
  readonly granted: Permissions;
}

/** Where decisions are kept. */
export interface GrantLookup {
  /** undefined when nobody decided. @throws GRANT_INVALID when what is stored cannot be read */
  get(id: string): Promise<DecidedGrant | undefined>;
}

/** How an entry got its plugin: from what is installed, from a directory that it names, or as a program of the operator's own. */
export type Placement = 'installed' | 'directory' | 'command';

export interface GrantPolicy {
  readonly environment: string;
  readonly placement: Placement;
  /** `grants` of the entry in bulkhead.yaml: an operator's words, by kind. A kind that is not there says nothing. */
  readonly written?: Partial<Permissions>;
}

export type EffectiveGrant =
  | {
      readonly kind: 'granted';
      readonly permissions: Permissions;
      /** Nobody decided; in development a directory gets what it asks for. */
      readonly asAsked: boolean;
    }
  /** The plugin does not start. */
  | { readonly kind: 'missing'; readonly message: string };

/**
 * What a plugin may do: the one place from which the guard of the Service API, the filter of the context, the sandbox
 * and secrets all take it. It is never more than the manifest asks and never more than an operator gave.
 *
 * Without a decision, a plugin that asks for something does not start; in `environment: development` one that is named
 * by its directory gets what it asks for.
 */
export function effectiveGrant(
  manifest: Pick<Manifest, 'id' | 'permissions'>,
  stored: DecidedGrant | undefined,
  policy: GrantPolicy,
): EffectiveGrant {
  const asked = manifest.permissions;
  const { written, placement, environment } = policy;
  if (placement === 'command') return granted(limit(asked, written));
  const asAsked = placement === 'directory' && environment === 'development';
  if (asAsked) {
    const refused = stored === undefined ? NO_PERMISSIONS : subtractPermissions(stored.asked, stored.granted);
    const base = subtractPermissions(asked, refused);
    // Of a permission that was given in part, subtracting takes all of it; the part that was given comes back.
    const given =
      stored === undefined ? base : intersectPermissions(asked, unitePermissions(base, stored.granted));
    return granted(limit(given, written), stored === undefined && written === undefined);
  }
  if (stored !== undefined) {
    const { widened } = comparePermissions(stored.asked, asked);
    if (widened.length > 0) {
      return missing(manifest.id, `asks for more than when its grant was decided: ${widened.join(', ')}`);
    }
    return granted(limit(intersectPermissions(asked, stored.granted), written));
  }
  if (permissionNames(asked).length === 0) return granted(NO_PERMISSIONS);
  if (written !== undefined) return granted(limit(asked, { ...NO_PERMISSIONS, ...written }));
  return missing(
    manifest.id,
    `asks for ${permissionNames(asked).join(', ')}, and nobody decided what of it is granted`,
  );
}

function granted(permissions: Permissions, asAsked = false): EffectiveGrant {
  return { kind: 'granted', permissions, asAsked };
}

function missing(id: string, why: string): EffectiveGrant {
  return {
    kind: 'missing',
    message: `${id} ${why}. Decide it with \`bulkhead plugin grants ${id}\`, or write \`grants\` into its entry.`,
  };
}

/** The kinds that somebody wrote, at most as written; the others as they are. */
function limit(permissions: Permissions, written: Partial<Permissions> | undefined): Permissions {
  if (written === undefined) return permissions;
  return intersectPermissions(permissions, { ...permissions, ...written });
}
