import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import {
  NO_PERMISSIONS,
  comparePermissions,
  intersectPermissions,
  permissionsOf,
  unitePermissions,
  type Permissions,
} from '@bulkhead/proto/rules/schema';
import type { Manifest } from '../manifest/manifest.js';
import { parseGrantFlags } from './flags.js';
import { askedOf, type Grant, type GrantDecision } from './grant.js';
import { renderRequest } from './render-request.js';
import { describePermission } from './words.js';

/** A person to ask. */
export interface Terminal {
  say(text: string): void;
  /** The answer without its line end. */
  ask(question: string): Promise<string>;
}

export interface GrantRequest {
  readonly manifest: Pick<Manifest, 'id' | 'name' | 'version' | 'permissions'>;
  /** The decision in force; what it granted needs no second one. */
  readonly previous: Grant | undefined;
  /** Earlier decisions, oldest first. What was decided for this very version is in force again without a question: a way back. */
  readonly history?: readonly Grant[];
  /** `--grant` flags. Given, they are the whole answer and nobody is asked. */
  readonly flags: readonly string[];
  /** undefined: nobody can be asked. */
  readonly terminal: Terminal | undefined;
  /** Who decides. */
  readonly by: string;
}

export type GrantOutcome =
  | {
      readonly kind: 'granted';
      readonly decision: GrantDecision;
      /** Whether it differs from what is in force and so belongs into the store. */
      readonly changed: boolean;
    }
  /** Nothing may be installed or changed. */
  | { readonly kind: 'refused'; readonly error: BulkheadError };

/**
 * Decides what a plugin gets: what was granted before and is still asked for stays; what is new needs flags or a person.
 * One that asks for nothing new needs neither.
 */
export async function decideGrants(request: GrantRequest): Promise<GrantOutcome> {
  const { manifest, previous, flags, terminal } = request;
  const asked = askedOf(manifest);
  const kept = previous === undefined ? NO_PERMISSIONS : intersectPermissions(asked, previous.granted);
  const { widened } = comparePermissions(previous?.asked ?? NO_PERMISSIONS, asked);
  if (flags.length > 0) {
    try {
      return granted(request, unitePermissions(kept, parseGrantFlags(flags, asked)));
    } catch (error) {
      return { kind: 'refused', error: BulkheadError.from(error) };
    }
  }
  if (widened.length === 0) return granted(request, kept);
  const decidedThen = request.history?.findLast(
    (grant) => grant.pluginVersion === manifest.version && !differ(grant.asked, asked),
  );
  if (decidedThen !== undefined) return granted(request, intersectPermissions(asked, decidedThen.granted));
  if (terminal === undefined) return refused(withoutTerminal(manifest, previous, widened));
  return askPerson(request, terminal, kept, widened);
}

async function askPerson(
  request: GrantRequest,
  terminal: Terminal,
  kept: Permissions,
  widened: readonly string[],
): Promise<GrantOutcome> {
  const { manifest, previous } = request;
  terminal.say(renderRequest(manifest, previous));
  const answer = await choose(terminal, 'Grant [a]ll of what is new, [c]hoose one by one, or [r]efuse? ', [
    'a',
    'c',
    'r',
  ]);
  if (answer === 'a') return granted(request, unitePermissions(kept, permissionsOf(widened)));
  if (answer !== 'c') return refused(`Nothing was granted to ${manifest.id}, and nothing changed.`);
  const chosen: string[] = [];
  for (const name of widened) {
    const yes = await choose(terminal, `${describePermission(name)} (${name}) [y]es or [n]o? `, ['y', 'n']);
    if (yes === undefined) return refused(`Nothing was granted to ${manifest.id}, and nothing changed.`);
    if (yes === 'y') chosen.push(name);
  }
  return granted(request, unitePermissions(kept, permissionsOf(chosen)));
}

/** Tries after which a person has not answered. */
const MAX_TRIES = 3;

/** The first letter of the answer; undefined when no answer is one of them. Silence is never a yes. */
async function choose(
  terminal: Terminal,
  question: string,
  letters: readonly string[],
): Promise<string | undefined> {
  for (let turn = 0; turn < MAX_TRIES; turn += 1) {
    const letter = (await terminal.ask(question)).trim().toLowerCase().charAt(0);
    if (letters.includes(letter)) return letter;
  }
  return undefined;
}

function withoutTerminal(
  { id, version }: GrantRequest['manifest'],
  previous: Grant | undefined,
  widened: readonly string[],
): string {
  const more = previous === undefined ? 'asks for what nobody decided yet' : 'asks for more than was decided';
  const list = widened.map((name) => `  --grant ${name.padEnd(28)} ${describePermission(name)}`).join('\n');
  return (
    `${id} ${version} ${more}, and there is no terminal to ask at. Pass what you grant:\n${list}\n` +
    '  --grant all                          all of it\n  --grant none                         nothing of it'
  );
}

function granted(request: GrantRequest, permissions: Permissions): GrantOutcome {
  const { manifest, previous, by } = request;
  const asked = askedOf(manifest);
  const decision = { asked, granted: permissions, pluginVersion: manifest.version, by };
  const changed =
    previous === undefined || differ(previous.asked, asked) || differ(previous.granted, permissions);
  return { kind: 'granted', decision, changed };
}

function refused(message: string): GrantOutcome {
  return { kind: 'refused', error: new BulkheadError(ErrorCode.GRANT_MISSING, message) };
}

function differ(a: Permissions, b: Permissions): boolean {
  const { widened, narrowed } = comparePermissions(a, b);
  return widened.length + narrowed.length > 0;
}
