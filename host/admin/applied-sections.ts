import { isDeepStrictEqual } from 'node:util';
import type { HostConfig } from '../config/config.js';
import { diffConfig } from '../config/diff.js';

/** What differs and holds from now on, besides plugins. */
export function sectionsApplied(before: HostConfig, after: HostConfig): readonly string[] {
  const { applied, apps, customHooks } = diffConfig(before, after);
  const { maxBodyBytes } = before.limits;
  const onlyBody = isDeepStrictEqual(before.limits, { ...after.limits, maxBodyBytes });
  const changedApps = apps.added.length + apps.removed.length + apps.changed.length > 0;
  return [
    ...applied.filter((section) => section !== 'limits' || !onlyBody),
    ...(changedApps ? ['apps'] : []),
    ...(customHooks ? ['custom_hooks'] : []),
  ];
}

/** What differs and waits for the next start: what the listeners and the upstream connections were made with. */
export function sectionsForRestart(before: HostConfig, after: HostConfig): readonly string[] {
  const { restart, upstreams } = diffConfig(before, after);
  const body = before.limits.maxBodyBytes === after.limits.maxBodyBytes ? [] : ['limits.max_body_bytes'];
  const servers = upstreams.added.length + upstreams.removed.length + upstreams.changed.length;
  return [...restart, ...body, ...(servers > 0 ? ['mcp_servers'] : [])];
}
