import { HOOKS } from '@bulkhead/proto/rules';
import { isBulkheadError } from '@bulkhead/proto';
import type { Cli } from '../cli.js';
import { KIND_TEMPLATES, PLUGIN_KINDS } from './plugin-kinds.js';
import { DEFAULT_HOOKS, planPlugin, type PluginPlan } from './plugin-plan.js';

export interface PlanOptions {
  /** Separated by commas; `none` for none. */
  readonly hooks: string | undefined;
  /** The same, of what it does besides. */
  readonly kinds: string | undefined;
  readonly language: 'ts' | 'js' | undefined;
}

/** Asks a person for what the options leave open; with nobody there it is the default. */
export async function askPlan(
  cli: Pick<Cli, 'err'> & { readonly ask?: Cli['ask'] | undefined },
  packageName: string,
  options: PlanOptions,
): Promise<PluginPlan> {
  const { ask } = cli;
  const kinds = listOf(options.kinds) ?? [];
  // Whoever names a kind has said what it does.
  const byDefault = kinds.length === 0 ? DEFAULT_HOOKS : [];
  // The name first: nobody should answer questions for a name that cannot be.
  const plan = planPlugin(packageName, listOf(options.hooks) ?? byDefault, kinds, options.language ?? 'ts');
  if (ask === undefined) return plan;
  const named = options.hooks !== undefined || options.kinds !== undefined;
  const { hooks, kinds: more } = named ? plan : await askWhat(ask, cli, packageName);
  const language = options.language ?? (await askLanguage(ask));
  return planPlugin(packageName, hooks, more, language);
}

type Ask = NonNullable<Cli['ask']>;

async function askWhat(ask: Ask, cli: Pick<Cli, 'err'>, packageName: string): Promise<PluginPlan> {
  const hookNames = Object.keys(HOOKS);
  const kindLines = PLUGIN_KINDS.map((kind) => `${kind.padEnd(13)} ${KIND_TEMPLATES[kind].description}`);
  for (;;) {
    cli.err(`Hooks:\n${numbered(hookNames)}`);
    const hooks = await ask(
      `Which does it handle? Names or numbers, separated by commas, or none [${DEFAULT_HOOKS.join(', ')}] `,
    );
    cli.err(`Besides:\n${numbered(kindLines)}`);
    const kinds = await ask('What else does it do? Names or numbers, separated by commas [none] ');
    try {
      return planPlugin(
        packageName,
        named(listOf(hooks) ?? DEFAULT_HOOKS, hookNames),
        named(listOf(kinds) ?? [], PLUGIN_KINDS),
        'ts',
      );
    } catch (error) {
      if (!isBulkheadError(error)) throw error;
      cli.err(`${error.message}\n`);
    }
  }
}

function numbered(lines: readonly string[]): string {
  return lines.map((line, index) => `  ${String(index + 1).padStart(2)}  ${line}\n`).join('');
}

/** A number stands for the name in that place. */
function named(answers: readonly string[], known: readonly string[]): readonly string[] {
  return answers.map((answer) => known[Number(answer) - 1] ?? answer);
}

async function askLanguage(ask: Ask): Promise<'ts' | 'js'> {
  return /^\s*j/i.test(await ask('In [T]ypeScript or [j]avaScript? ')) ? 'js' : 'ts';
}

const NONE = 'none';

/** undefined for nothing. */
function listOf(text: string | undefined): readonly string[] | undefined {
  if (text?.trim().toLowerCase() === NONE) return [];
  const names = (text ?? '').split(',').map((name) => name.trim());
  const there = names.filter((name) => name !== '');
  return there.length === 0 ? undefined : there;
}
