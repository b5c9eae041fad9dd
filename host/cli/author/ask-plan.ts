import { HOOKS } from '@bulkhead/proto/rules';
import { isBulkheadError } from '@bulkhead/proto';
import type { Cli } from '../cli.js';
import { DEFAULT_HOOKS, planPlugin, type PluginPlan } from './plugin-plan.js';

export interface PlanOptions {
  /** Separated by commas. */
  readonly hooks: string | undefined;
  readonly language: 'ts' | 'js' | undefined;
}

/** Asks a person for what the options leave open; with nobody there it is the default. */
export async function askPlan(
  cli: Pick<Cli, 'err'> & { readonly ask?: Cli['ask'] | undefined },
  packageName: string,
  options: PlanOptions,
): Promise<PluginPlan> {
  const { ask } = cli;
  // The name first: nobody should answer questions for a name that cannot be.
  const plan = planPlugin(packageName, listOf(options.hooks) ?? DEFAULT_HOOKS, options.language ?? 'ts');
  if (ask === undefined) return plan;
  const hooks = options.hooks === undefined ? await askHooks(ask, cli, packageName) : plan.hooks;
  const language = options.language ?? (await askLanguage(ask));
  return planPlugin(packageName, hooks, language);
}

type Ask = NonNullable<Cli['ask']>;

async function askHooks(ask: Ask, cli: Pick<Cli, 'err'>, packageName: string): Promise<readonly string[]> {
  const known = Object.keys(HOOKS);
  cli.err(
    `Hooks:\n${known.map((hook, index) => `  ${String(index + 1).padStart(2)}  ${hook}`).join('\n')}\n`,
  );
  const question = `Which does it handle? Names or numbers, separated by commas [${DEFAULT_HOOKS.join(', ')}] `;
  for (;;) {
    const answer = await ask(question);
    const hooks = (listOf(answer) ?? DEFAULT_HOOKS).map((hook) => known[Number(hook) - 1] ?? hook);
    try {
      return planPlugin(packageName, hooks, 'ts').hooks;
    } catch (error) {
      if (!isBulkheadError(error)) throw error;
      cli.err(`${error.message}\n`);
    }
  }
}

async function askLanguage(ask: Ask): Promise<'ts' | 'js'> {
  return /^\s*j/i.test(await ask('In [T]ypeScript or [j]avaScript? ')) ? 'js' : 'ts';
}

/** undefined for nothing. */
function listOf(text: string | undefined): readonly string[] | undefined {
  const names = (text ?? '').split(',').map((name) => name.trim());
  const there = names.filter((name) => name !== '');
  return there.length === 0 ? undefined : there;
}
