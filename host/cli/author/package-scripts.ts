import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';

const SCRIPT_TIMEOUT_MS = 600_000;
/** Of a script's output the last this many are kept for an error. */
const MAX_OUTPUT_CHARS = 20_000;

/** The `scripts` of a package; empty when there are none. @throws MANIFEST_NOT_FOUND */
export async function readScripts(directory: string): Promise<ReadonlyMap<string, string>> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8'));
  } catch (error) {
    throw new BulkheadError(
      ErrorCode.MANIFEST_NOT_FOUND,
      `expected a package.json that can be read in ${directory}, found none; name the directory of a plugin's package`,
      { cause: error },
    );
  }
  const scripts = typeof value === 'object' && value !== null ? Reflect.get(value, 'scripts') : undefined;
  const entries: readonly (readonly [string, unknown])[] =
    typeof scripts === 'object' && scripts !== null ? Object.entries(scripts) : [];
  return new Map(entries.flatMap(([name, script]) => (typeof script === 'string' ? [[name, script]] : [])));
}

export interface ScriptRun {
  readonly directory: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Gets the output as it comes. */
  readonly onOutput?: (text: string) => void;
  /** Aborted: the script is ended. */
  readonly signal?: AbortSignal;
}

export type ScriptEnd =
  | { readonly ok: true }
  /** `output`: the end of what it said. */
  | { readonly ok: false; readonly why: string; readonly output: string };

/** Runs a script of a package as a package manager does: in a shell, with the package's own programs first. */
export async function runScript(
  script: string,
  { directory, env, onOutput, signal }: ScriptRun,
): Promise<ScriptEnd> {
  const defined = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined));
  const child = execa(script, {
    cwd: directory,
    shell: true,
    env: defined,
    extendEnv: false,
    preferLocal: true,
    localDir: directory,
    nodePath: process.execPath,
    node: false,
    stdin: 'ignore',
    all: true,
    buffer: false,
    reject: false,
    timeout: SCRIPT_TIMEOUT_MS,
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  });
  let output = '';
  child.all.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-MAX_OUTPUT_CHARS);
    onOutput?.(text);
  });
  const { failed, timedOut, isCanceled, exitCode, shortMessage } = await child;
  if (!failed) return { ok: true };
  const why = timedOut
    ? `took longer than ${SCRIPT_TIMEOUT_MS / 1_000} s`
    : isCanceled
      ? 'was given up'
      : exitCode === undefined
        ? (shortMessage ?? 'could not be run')
        : `ended with exit code ${exitCode}`;
  return { ok: false, why: `\`${script}\` ${why}`, output };
}
