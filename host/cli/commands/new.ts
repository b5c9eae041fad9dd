import { relative, resolve } from 'node:path';
import { Command, Option } from 'commander';
import type { Cli } from '../cli.js';

interface NewOptions {
  readonly hooks?: string;
  readonly with?: string;
  readonly ts?: true;
  readonly js?: true;
  readonly dir?: string;
  readonly yes?: true;
}

export function newCommand(cli: Cli): Command {
  return new Command('new')
    .description('write the package of a new plugin, with a test that passes')
    .argument('<name>', 'the package’s name, for example my-plugin or @acme/my-plugin')
    .option(
      '--hooks <names>',
      'the hooks that it handles, separated by commas; default: tool_pre_invoke, with --with none',
    )
    .option(
      '--with <kinds>',
      'what it does besides: object-hooks, tools, commands, routes, rpc, events, schedules, separated by commas',
    )
    .addOption(new Option('--ts', 'in TypeScript (default)').conflicts('js'))
    .addOption(new Option('--js', 'in JavaScript, without a build'))
    .option('--dir <dir>', 'where; default: a directory of that name here')
    .option('-y, --yes', 'ask nothing; what no option says is the default')
    .action(async (packageName: string, options: NewOptions) => {
      const { askPlan } = await import('../author/ask-plan.js');
      const { newPlugin } = await import('../author/new-plugin.js');
      const { findCheckout } = await import('../author/sdk-place.js');
      const plan = await askPlan(options.yes ? { err: cli.err } : cli, packageName, {
        hooks: options.hooks,
        kinds: options.with,
        language: options.js ? 'js' : options.ts ? 'ts' : undefined,
      });
      const wanted = resolve(cli.cwd, options.dir ?? plan.name);
      const { directory, linked } = await newPlugin(plan, wanted, findCheckout(import.meta.dirname));
      const place = relative(cli.cwd, directory) || '.';
      const steps = [...(linked ? [] : [`npm --prefix ${place} install`]), `bulkhead dev ${place}`];
      cli.out(`Wrote ${plan.packageName} into ${directory}.\nNow: ${steps.join(' && ')}\n`);
    });
}
