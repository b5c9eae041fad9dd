import { join } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { LaunchDirectory } from '../launch-directory.js';
import type { LaunchDescription } from '../sidecar.js';
import { startEgressProxy, type EgressOptions, type EgressProxy } from './egress-proxy.js';

/** The way out of one process, open as long as the process lives. */
export interface Egress extends EgressProxy {
  readonly socketPath: string;
}

const SOCKET_NAME = 'egress.sock';

/**
 * Opens the way out that the description grants, in the launch directory; undefined when it grants none.
 *
 * @throws BulkheadError SPAWN_FAILED
 */
export async function openEgress(
  description: LaunchDescription,
  directory: Pick<LaunchDirectory, 'socketsDir' | 'admit'>,
  parts: Pick<EgressOptions, 'log' | 'clock' | 'onRefused'>,
): Promise<Egress | undefined> {
  const allow = description.reach?.network ?? [];
  if (allow.length === 0) return undefined;
  const socketPath = join(directory.socketsDir, SOCKET_NAME);
  const grant = { allow, allowPrivate: description.networkPrivate ?? [] };
  try {
    const proxy = await startEgressProxy({ ...parts, socketPath, grant });
    await directory.admit(socketPath);
    return {
      socketPath,
      stats: () => proxy.stats(),
      close: () => {
        proxy.close();
      },
    };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new BulkheadError(
      ErrorCode.SPAWN_FAILED,
      `expected to listen on ${socketPath} for the plugin's network grant, got ${code}; see \`bulkhead doctor\``,
      { cause: error, retryable: true, details: { code } },
    );
  }
}
