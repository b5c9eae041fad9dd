import { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { dataDirOf, type PlaceOptions, withPlaces } from '../../places.js';

/** What each action does, and what is said when it is done. */
const ACTIONS = {
  reload: {
    description: 'start a new process of a plugin, then let the old one finish; no call is lost',
    done: 'reloaded',
    doing: 'Reloading',
  },
  enable: {
    description: 'start a plugin that is disabled, or try a failed one at once (until the daemon restarts)',
    done: 'enabled; a restart of the daemon reads bulkhead.yaml again',
    doing: 'Starting',
  },
  disable: {
    description: 'stop a plugin (until the daemon restarts)',
    done: 'disabled; a restart of the daemon reads bulkhead.yaml again',
    doing: 'Stopping',
  },
  reset: {
    description: 'put a plugin back into rotation that `on_error: disable` or a crash loop took out',
    done: 'back in rotation',
    doing: 'Resetting',
  },
} as const;

export function pluginActionCommand(cli: Cli, action: keyof typeof ACTIONS): Command {
  const { description, done, doing } = ACTIONS[action];
  return withPlaces(new Command(action))
    .description(description)
    .argument('<name>', 'the plugin’s name in bulkhead.yaml')
    .option('--json', 'print JSON')
    .action(async (name: string, options: PlaceOptions & { readonly json?: true }) => {
      const { connectToDaemon } = await import('../../control-client.js');
      const { withProgress } = await import('../../progress.js');
      const client = connectToDaemon(await dataDirOf(cli, options));
      const work = client.post(`/plugins/${encodeURIComponent(name)}/${action}`);
      const answer = await withProgress(cli, `${doing} ${name}`, work);
      cli.out(options.json ? `${JSON.stringify(answer, null, 2)}\n` : `${name} is ${done}.\n`);
    });
}
