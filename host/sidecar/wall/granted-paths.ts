import { access, realpath } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Reach } from '../sidecar.js';
import type { Mount } from './bubblewrap.js';

/** Nothing in these is granted: they are the machine's own view of itself. */
const NEVER_IN = ['/proc', '/sys', '/dev'];
/** Folders in these may be granted, not they themselves: the sandbox has its own, or other plugins' sockets lie there. */
const NEVER_WHOLE = ['/', '/tmp', '/run', '/var/run'];

/**
 * The mounts of granted paths.
 *
 * @param closed directories of the host's own; a grant may lie around one, where it is hidden, but not in one
 * @throws BulkheadError SANDBOX_UNAVAILABLE for a path that is not there or that no grant can open
 */
export async function mountGranted(
  filesystem: Reach['filesystem'],
  closed: readonly string[],
): Promise<readonly Mount[]> {
  return Promise.all(
    filesystem.map(async ({ path, access: kind }): Promise<Mount> => {
      if (!isAbsolute(path)) throw refused(path, 'it is not absolute');
      const source = await realpath(path).catch(() => undefined);
      if (source === undefined) throw refused(path, 'it does not exist; make it, or take the grant back');
      await access(source).catch(() => {
        throw refused(path, 'the host itself may not read it');
      });
      if (NEVER_WHOLE.includes(source) || NEVER_IN.some((never) => isWithin(source, never)))
        throw refused(path, 'it would undo the sandbox; grant the folder that is needed');
      const owner = closed.find((directory) => isWithin(source, directory));
      if (owner !== undefined) throw refused(path, `it lies in ${owner}, which is the host's own`);
      return { kind, source, target: path };
    }),
  );
}

/** Hides what is the host's own where a mount lies around it. */
export function hide(closed: readonly string[], mounts: readonly Mount[]): readonly Mount[] {
  return closed
    .filter((directory) =>
      mounts.some(
        (mount) => 'source' in mount && mount.target !== directory && isWithin(directory, mount.target),
      ),
    )
    .map((target) => ({ kind: 'hidden', target }));
}

export function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith('/') ? directory : `${directory}/`);
}

function refused(path: string, why: string): BulkheadError {
  return new BulkheadError(
    ErrorCode.SANDBOX_UNAVAILABLE,
    `the granted path ${path} cannot be put into the sandbox: ${why}`,
    { field: 'permissions.filesystem' },
  );
}
