import { Command } from 'commander';
import type { Cli } from '../cli.js';
import { dataDirOf, type PlaceOptions, withPlaces } from '../places.js';

type ListOptions = PlaceOptions & { readonly all?: true; readonly json?: true };
type DecideOptions = PlaceOptions & { readonly reason?: string; readonly json?: true };

export function approvalsCommand(cli: Cli): Command {
  return new Command('approvals')
    .description('calls of tools that wait for an operator')
    .addCommand(listCommand(cli))
    .addCommand(decideCommand(cli, 'approve'))
    .addCommand(decideCommand(cli, 'deny'));
}

function listCommand(cli: Cli): Command {
  return withPlaces(new Command('list'))
    .description('list what waits')
    .option('--all', 'and what was decided, used or is overdue')
    .option('--json', 'print JSON')
    .action(async (options: ListOptions) => {
      const { connectToDaemon } = await import('../control-client.js');
      const { renderApprovals } = await import('../render-approvals.js');
      const client = connectToDaemon(await dataDirOf(cli, options));
      const answer = await client.get(`/api/v1/approvals${options.all ? '' : '?state=pending'}`);
      cli.out(options.json ? `${JSON.stringify(answer, null, 2)}\n` : renderApprovals(answer));
    });
}

/** What each decision is, and what is said when it is made. */
const DECISIONS = {
  approve: {
    description: 'let a call run, once; its caller may make it within an hour',
    done: 'approved',
  },
  deny: { description: 'refuse a call', done: 'denied' },
} as const;

function decideCommand(cli: Cli, decision: keyof typeof DECISIONS): Command {
  const { description, done } = DECISIONS[decision];
  return withPlaces(new Command(decision))
    .description(description)
    .argument('<id>', 'the approval, as `bulkhead approvals list` shows it')
    .option('--reason <text>', 'kept with the decision; a caller that is denied reads it')
    .option('--json', 'print JSON')
    .action(async (id: string, options: DecideOptions) => {
      const { connectToDaemon } = await import('../control-client.js');
      const client = connectToDaemon(await dataDirOf(cli, options));
      const { reason = '' } = options;
      const body = JSON.stringify({ decision, reason });
      const answer = await client.post(`/api/v1/approvals/${encodeURIComponent(id)}`, body);
      cli.out(options.json ? `${JSON.stringify(answer, null, 2)}\n` : `${id} is ${done}.\n`);
    });
}
