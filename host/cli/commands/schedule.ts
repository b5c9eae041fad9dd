import { Command } from 'commander';
import type { Cli } from '../cli.js';
import type { ControlClient } from '../control-client.js';
import { dataDirOf, type PlaceOptions, withPlaces } from '../places.js';

type Options = PlaceOptions & { readonly json?: true };

export function scheduleCommand(cli: Cli): Command {
  return new Command('schedule')
    .description('work of plugins at set times')
    .addCommand(listCommand(cli))
    .addCommand(showCommand(cli))
    .addCommand(runCommand(cli))
    .addCommand(pauseCommand(cli, 'pause'))
    .addCommand(pauseCommand(cli, 'resume'));
}

function listCommand(cli: Cli): Command {
  return withPlaces(new Command('list'))
    .description('list the schedules of the plugins that run')
    .option('--plugin <name>', 'of one entry only')
    .option('--json', 'print JSON')
    .action(async (options: Options & { readonly plugin?: string }) => {
      const { renderSchedules } = await import('../render-schedules.js');
      const client = await connect(cli, options);
      const answer = await client.get(`/api/v1/schedules${queryOf(options.plugin)}`);
      cli.out(options.json ? toJson(answer) : renderSchedules(answer));
    });
}

function showCommand(cli: Cli): Command {
  return ofOne(new Command('show'), 'show a schedule and its last runs').action(
    async (plugin: string, name: string, options: Options) => {
      const { renderSchedule } = await import('../render-schedules.js');
      const { listAt, textAt } = await import('../read.js');
      const client = await connect(cli, options);
      const listed = await client.get(`/api/v1/schedules${queryOf(plugin)}`);
      const schedule = listAt(listed, 'schedules').find((one) => textAt(one, 'name') === name);
      if (schedule === undefined) throw await notThere(plugin, name);
      const runs = listAt(await client.get(`${pathOf(plugin, name)}/runs?page_size=20`), 'runs');
      cli.out(options.json ? toJson({ ...schedule, runs }) : renderSchedule(schedule, runs));
    },
  );
}

function runCommand(cli: Cli): Command {
  return ofOne(new Command('run'), 'run it now; it does not wait for the end').action(
    async (plugin: string, name: string, options: Options) => {
      const { textAt } = await import('../read.js');
      const client = await connect(cli, options);
      const answer = await client.post(`${pathOf(plugin, name)}/run`);
      const started = `Run ${textAt(answer, 'run_id')} has begun; \`bulkhead schedule show ${plugin} ${name}\` tells its end.\n`;
      cli.out(options.json ? toJson(answer) : started);
    },
  );
}

/** What each does, and what is said when it is done. */
const PAUSES = {
  pause: { paused: true, description: 'run it by hand only, until it is resumed', done: 'is paused' },
  resume: { paused: false, description: 'run it at its times again', done: 'runs at its times again' },
} as const;

function pauseCommand(cli: Cli, wanted: keyof typeof PAUSES): Command {
  const { paused, description, done } = PAUSES[wanted];
  return ofOne(new Command(wanted), description).action(
    async (plugin: string, name: string, options: Options) => {
      const client = await connect(cli, options);
      const answer = await client.patch(pathOf(plugin, name), { paused });
      cli.out(options.json ? toJson(answer) : `${plugin} ${name} ${done}.\n`);
    },
  );
}

function ofOne(command: Command, description: string): Command {
  return withPlaces(command)
    .description(description)
    .argument('<plugin>', "the configured entry's name")
    .argument('<name>', 'the schedule, as `bulkhead schedule list` shows it')
    .option('--json', 'print JSON');
}

async function connect(cli: Cli, places: PlaceOptions): Promise<ControlClient> {
  const { connectToDaemon } = await import('../control-client.js');
  const { actorOf } = await import('../terminal.js');
  return connectToDaemon(await dataDirOf(cli, places), { actor: actorOf(cli) });
}

async function notThere(plugin: string, name: string): Promise<Error> {
  const { BulkheadError, ErrorCode } = await import('@bulkhead/proto');
  return new BulkheadError(
    ErrorCode.NOT_FOUND,
    `'${plugin}' has no schedule '${name}' here; \`bulkhead schedule list\` shows those that there are`,
  );
}

function queryOf(plugin: string | undefined): string {
  return plugin === undefined ? '' : `?plugin=${encodeURIComponent(plugin)}`;
}

function pathOf(plugin: string, name: string): string {
  return `/api/v1/schedules/${encodeURIComponent(plugin)}/${encodeURIComponent(name)}`;
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
