import { isDeepStrictEqual } from 'node:util';
import type { HostConfig } from '../config/config.js';
import { diffConfig, type NamesDiff } from '../config/diff.js';
import type { ApplyReport as PluginsReport } from '../lifecycle/supervisor.js';
import type { ApplyReport } from './status.js';

/** What became of another configuration. */
export function reportApplied(applied: PluginsReport, before: HostConfig, after: HostConfig): ApplyReport {
  return {
    ...applied,
    failed: applied.failed.map(({ name, failure }) => ({
      name,
      reason: `${failure.code}: ${failure.message}`,
    })),
    sections: sectionsApplied(before, after),
    needs_restart: sectionsForRestart(before, after),
    notices: after.notices,
  };
}

/** What differs and holds from now on, besides plugins. */
function sectionsApplied(before: HostConfig, after: HostConfig): readonly string[] {
  const { applied, apps, customHooks, upstreams } = diffConfig(before, after);
  const { maxBodyBytes } = before.limits;
  const onlyBody = isDeepStrictEqual(before.limits, { ...after.limits, maxBodyBytes });
  const differs = ({ added, removed, changed }: NamesDiff): boolean =>
    added.length + removed.length + changed.length > 0;
  return [
    ...applied.filter((section) => section !== 'limits' || !onlyBody),
    ...(differs(apps) ? ['apps'] : []),
    ...(differs(upstreams) ? ['mcp_servers'] : []),
    ...(customHooks ? ['custom_hooks'] : []),
  ];
}

/** What differs and waits for the next start: what the listeners were made with. */
function sectionsForRestart(before: HostConfig, after: HostConfig): readonly string[] {
  const { restart } = diffConfig(before, after);
  const body = before.limits.maxBodyBytes === after.limits.maxBodyBytes ? [] : ['limits.max_body_bytes'];
  return [...restart, ...body];
}
