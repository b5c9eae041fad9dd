import { isBulkheadError } from '@bulkhead/proto';
import { objectHookNames } from '@bulkhead/proto/rules';
import {
  NO_PERMISSIONS,
  includedScopes,
  intersectPermissions,
  permissionNames,
  permissionsOf,
  readPermissions,
  subtractPermissions,
  type Permissions,
} from '@bulkhead/proto/rules/schema';
import type { Manifest } from '../manifest/manifest.js';
import type { PluginEntry } from './bulkhead-file.js';
import type { PluginConfig } from './config.js';
import { effectiveGrant, type DecidedGrant, type GrantLookup, type Placement } from './effective-grant.js';
import type { Report } from './report.js';

export interface GrantQuestion {
  /** The entry's name. */
  readonly name: string;
  readonly entry: PluginEntry;
  readonly enabled: boolean;
  readonly manifest: Manifest;
  readonly placement: Placement;
  readonly environment: string;
  readonly grants: GrantLookup;
  readonly report: Report;
}

type Granted = Pick<PluginConfig, 'granted' | 'grantMissing' | 'grantedContext' | 'grantedScopes'>;

/** What an entry's plugin may do; what is odd about it is told to the report. */
export async function resolveGrants(question: GrantQuestion): Promise<Granted> {
  const { name, entry, enabled, manifest, placement, environment, report } = question;
  const written = writtenGrants(entry);
  tellNotAsked(question, written);
  const stored = await storedGrant(question);
  const policy = { environment, placement, ...(written === undefined ? {} : { written }) };
  const grant = effectiveGrant(manifest, stored, policy);
  if (grant.kind === 'missing') {
    if (enabled) report.notice('GRANT_MISSING', ['plugins', name], grant.message, name);
    return { ...grantedAs(NO_PERMISSIONS), grantMissing: grant.message };
  }
  const kept = permissionNames(subtractPermissions(manifest.permissions, grant.permissions));
  const given = permissionNames(grant.permissions);
  if (enabled && kept.length > 0) {
    report.notice(
      'GRANT_PARTIAL',
      ['plugins', name],
      `asks for ${kept.join(', ')} and does not get it.`,
      name,
    );
  }
  if (enabled && grant.asAsked && given.length > 0) {
    const message = `gets all that it asks for, because it is named by its directory and this is development: ${given.join(', ')}.`;
    report.notice('GRANTED_AS_ASKED', ['plugins', name], message, name);
  }
  return grantedAs({
    ...grant.permissions,
    objectHooks: [...grant.permissions.objectHooks, ...consentedHooks(manifest, entry)],
  });
}

/** Where the manifest says nothing of object hooks it asks for none; those that the entry lists an operator consented to. */
function consentedHooks({ contributions }: Manifest, entry: PluginEntry): readonly string[] {
  return contributions.objectHooks === undefined ? objectHookNames(entry.object_hooks ?? []) : [];
}

function grantedAs(granted: Permissions): Granted {
  return { granted, grantedContext: granted.context, grantedScopes: includedScopes(granted.services) };
}

/** `grants` of an entry, by kind; a kind that is not there stays open. */
export function writtenGrants({ grants }: PluginEntry): Partial<Permissions> | undefined {
  if (grants === undefined) return undefined;
  const { scopes, ...rest } = grants;
  const read = readPermissions({ ...rest, services: scopes });
  const { context, network, secrets, filesystem, subprocess, plugins, open_routes: openRoutes } = grants;
  const { object_hooks: objectHooks } = grants;
  return {
    ...(scopes === undefined ? {} : { services: read.services }),
    ...(context === undefined ? {} : { context: read.context }),
    ...(network === undefined ? {} : { network: read.network }),
    ...(secrets === undefined ? {} : { secrets: read.secrets }),
    ...(filesystem === undefined ? {} : { filesystem: read.filesystem }),
    ...(subprocess === undefined ? {} : { subprocess }),
    ...(plugins === undefined ? {} : { plugins: read.plugins }),
    ...(openRoutes === undefined ? {} : { openRoutes }),
    ...(objectHooks === undefined ? {} : { objectHooks: read.objectHooks }),
  };
}

/** A permission that the plugin does not ask for is a mistake: of the name, or of the plugin. */
function tellNotAsked(question: GrantQuestion, written: Partial<Permissions> | undefined): void {
  if (written === undefined || question.placement === 'command') return;
  const { name, manifest, report } = question;
  const beyond = subtractPermissions({ ...NO_PERMISSIONS, ...written }, manifest.permissions);
  for (const permission of permissionNames(beyond)) {
    const [kind = '', ...rest] = permission.split(':');
    if (kind === 'object_hooks' && isAskedInPart(permission, manifest.permissions)) continue;
    const key = kind === 'services' ? 'scopes' : kind;
    const asked = permissionNames(manifest.permissions).join(', ') || 'nothing';
    const message = `${manifest.id} does not ask for '${rest.join(':') || kind}'; it asks for ${asked}.`;
    report.problem(['plugins', name, 'grants', key], message);
  }
}

/** `llm.*` names what is asked when any hook on LLMs is. */
function isAskedInPart(name: string, asked: Permissions): boolean {
  return permissionNames(intersectPermissions(permissionsOf([name]), asked)).length > 0;
}

async function storedGrant(question: GrantQuestion): Promise<DecidedGrant | undefined> {
  const { name, manifest, placement, grants, report } = question;
  if (placement === 'command') return undefined;
  try {
    return await grants.get(manifest.id);
  } catch (error) {
    if (!isBulkheadError(error)) throw error;
    report.problem(['plugins', name], error.message, error.code);
    return undefined;
  }
}
