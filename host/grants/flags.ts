import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import {
  NO_PERMISSIONS,
  didYouMean,
  permissionNames,
  permissionsOf,
  type Permissions,
} from '@bulkhead/proto/rules/schema';

const ALL = 'all';
const NONE = 'none';

/**
 * The permissions that `--grant` or `--revoke` flags name, of those that there are. A flag is `all`, `none`, a name such
 * as `services:kv.read`, or the name without its kind where that fits one permission only.
 *
 * @throws GRANT_INVALID for a flag that names nothing of it
 */
export function parseGrantFlags(flags: readonly string[], there: Permissions): Permissions {
  if (flags.length === 1 && flags[0] === NONE) return NO_PERMISSIONS;
  if (flags.includes(ALL)) return there;
  const names = permissionNames(there);
  return permissionsOf(flags.map((flag) => nameOf(flag, names)));
}

function nameOf(flag: string, names: readonly string[]): string {
  if (names.includes(flag)) return flag;
  const [match, ...more] = names.filter((name) => name.endsWith(`:${flag}`));
  if (match !== undefined && more.length === 0) return match;
  const fits =
    match === undefined
      ? `names none of its permissions.${didYouMean(flag, names)}`
      : `fits more than one: ${[match, ...more].join(', ')}.`;
  throw new BulkheadError(
    ErrorCode.GRANT_INVALID,
    `'${flag}' ${fits} There are: ${[...names, ALL, NONE].join(', ')}.`,
  );
}
