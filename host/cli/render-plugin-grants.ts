import { permissionNames, permissionsOf, subtractPermissions } from '@bulkhead/proto/rules/schema';
import { describePermission } from '../grants/words.js';
import type { ShownGrants } from './plugin-grants.js';
import { renderTable } from './table.js';

/** For people: each permission with its meaning, who decided, and what that comes to. */
export function renderPluginGrants(shown: ShownGrants): string {
  const { id, version, asked, decided, entries, changed } = shown;
  const lines = [`${id} ${version}\n`];
  if (asked.length === 0) lines.push('It asks for no permission.\n');
  else {
    const rows = asked.map((name) => [name, stateOf(shown, name), describePermission(name)]);
    lines.push(renderTable(['PERMISSION', 'DECISION', 'MEANING'], rows));
  }
  if (decided !== null) lines.push(`Decided for ${decided.version} by ${decided.by} at ${decided.at}.\n`);
  for (const { name, granted, missing } of entries) {
    lines.push(
      missing === undefined
        ? `${name} gets: ${granted.join(', ') || 'nothing'}.\n`
        : `${name} does not start: ${missing}\n`,
    );
  }
  if (changed) lines.push('Stored. A running daemon takes it with: bulkhead config apply\n');
  return lines.join('');
}

function stateOf({ granted, undecided }: ShownGrants, name: string): string {
  if (undecided.includes(name)) return 'undecided';
  const missing = subtractPermissions(permissionsOf([name]), permissionsOf(granted));
  return permissionNames(missing).length === 0 ? 'granted' : 'not granted';
}
