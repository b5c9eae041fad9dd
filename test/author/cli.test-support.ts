import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cli } from '../../host/cli/cli.js';
import { run } from '../../host/cli/run.js';

/** A command line in a folder of its own, without a terminal unless there are answers. */
export interface TestCli extends AsyncDisposable {
  readonly folder: string;
  readonly cli: Cli;
  /** Everything that was said, in order, output and errors alike. */
  readonly said: () => string;
  /** Resolves with the rest of what was said once `text` was said after the last such wait. */
  saidNext(text: string): Promise<void>;
  run(args: readonly string[], answers?: readonly string[]): Promise<Ran>;
}

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export async function createTestCli(): Promise<TestCli> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'bulkhead-author-')));
  let all = '';
  let from = 0;
  const waiting = new Set<() => void>();
  const say = (text: string): void => {
    all += text;
    for (const look of waiting) look();
  };
  const env = { PATH: process.env['PATH'] };
  const base = { cwd: folder, env, outIsTerminal: false, errIsTerminal: false };
  return {
    folder,
    cli: { ...base, out: say, err: say, exitWith: () => undefined },
    said: () => all,
    saidNext: (text) =>
      new Promise((resolve) => {
        const look = (): void => {
          const at = all.indexOf(text, from);
          if (at === -1) return;
          from = at + text.length;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    async run(args, answers) {
      let [out, err, code] = ['', '', 0];
      const left = [...(answers ?? [])];
      await run(
        {
          ...base,
          out: (text) => void (out += text),
          err: (text) => void (err += text),
          exitWith: (given) => void (code = given),
          ...(answers === undefined ? {} : { ask: async () => Promise.resolve(left.shift() ?? '') }),
        },
        args,
      );
      return { code, out, err };
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
