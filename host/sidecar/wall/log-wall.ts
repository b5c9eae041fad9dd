import type { Logger } from 'pino';
import type { OpenedWall } from './open-wall.js';

/** Says at the host's start what holds plugins. */
export function logWall(log: Logger, { kind, why, users, missing, cgroup }: OpenedWall): void {
  log.info({ sandbox: kind, users, missing }, `plugins run behind the ${kind} wall: ${why}`);
  if (cgroup?.kind === 'divided') {
    const { folder, controllers } = cgroup;
    log.info({ cgroup: folder }, `the kernel holds the limits of plugins: ${controllers.join(', ')}`);
  }
  if (cgroup?.kind === 'none') log.info(`the limits of plugins are only watched: ${cgroup.found}`);
}
