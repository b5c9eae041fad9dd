import { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { type PlaceOptions, withPlaces } from '../../places.js';

type ListOptions = PlaceOptions & {
  readonly since?: string;
  readonly until?: string;
  readonly actor?: string;
  readonly action?: string;
  readonly target?: string;
  readonly outcome?: string;
  readonly limit: string;
  readonly json?: true;
};

export function auditListCommand(cli: Cli): Command {
  return withPlaces(new Command('list'))
    .description('show what was done and refused, the newest first')
    .option(
      '--since <time>',
      'not before this time, such as 2026-11-25T10:00:00Z, or a span such as 30m, 12h, 7d',
    )
    .option('--until <time>', 'before this time or span')
    .option('--actor <actor>', 'who: an id, or `kind:id` with cli, token, plugin, app or host as kind')
    .option('--action <action>', 'what, such as `hook.denied`; `token.*` is every one that begins so')
    .option('--target <target>', 'to what, such as `plugin/pii`; a `*` at the end as with --action')
    .option('--outcome <outcome>', 'allowed, denied, suppressed or error')
    .option('--limit <number>', 'entries at most, up to 1000', '100')
    .option('--json', 'print JSON')
    .action(async ({ since, until, limit, json, ...options }: ListOptions) => {
      const { withApi } = await import('../../api-client.js');
      const { parseMoment } = await import('../../moment.js');
      const { renderAudit } = await import('../../render-audit.js');
      const now = Date.now();
      const { actor, action, target, outcome } = options;
      const query = new URLSearchParams();
      for (const [key, value] of Object.entries({
        since: since === undefined ? undefined : parseMoment('--since', since, now),
        until: until === undefined ? undefined : parseMoment('--until', until, now),
        actor,
        action,
        target,
        outcome,
        page_size: limit,
      }))
        if (value !== undefined) query.set(key, value);
      const page = await withApi(cli, options, (api) => api.get(`/api/v1/audit?${query.toString()}`));
      cli.out(json ? `${JSON.stringify(page, null, 2)}\n` : renderAudit(page));
    });
}
