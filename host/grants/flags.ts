import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import {
  NO_PERMISSIONS,
  comparePermissions,
  didYouMean,
  permissionNames,
  permissionsOf,
  type Permissions,
} from '@bulkhead/proto/rules/schema';

const ALL = 'all';
const NONE = 'none';

/**
 * The permissions that `--grant` or `--revoke` flags name, of those that there are. A flag is `all`, `none`, a name such
 * as `services:kv.read`, the name without its kind where that fits one permission only, or a star over object hooks such as
 * `object_hooks:llm.*`.
 *
 * @throws GRANT_INVALID for a flag that names nothing of it
 */
export function parseGrantFlags(flags: readonly string[], there: Permissions): Permissions {
  if (flags.length === 1 && flags[0] === NONE) return NO_PERMISSIONS;
  if (flags.includes(ALL)) return there;
  const names = permissionNames(there);
  return permissionsOf(flags.flatMap((flag) => namesOf(flag, there, names)));
}

const STAR_OVER_HOOKS = /^object_hooks:.*[*]/;

function namesOf(flag: string, there: Permissions, names: readonly string[]): readonly string[] {
  if (names.includes(flag)) return [flag];
  if (STAR_OVER_HOOKS.test(flag)) {
    const under = comparePermissions(permissionsOf([flag]), there).same;
    if (under.length > 0) return under;
  }
  const [match, ...more] = names.filter((name) => name.endsWith(`:${flag}`));
  if (match !== undefined && more.length === 0) return [match];
  const fits =
    match === undefined
      ? `names none of its permissions.${didYouMean(flag, names)}`
      : `fits more than one: ${[match, ...more].join(', ')}.`;
  throw new BulkheadError(
    ErrorCode.GRANT_INVALID,
    `'${flag}' ${fits} There are: ${[...names, ALL, NONE].join(', ')}.`,
  );
}
