/** What a command may touch of the world outside; `main.ts` passes the process, a test passes its own. */
export interface Cli {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What was asked for: tables, JSON, text. */
  out(text: string): void;
  /** Everything said beside it: progress, warnings, errors. */
  err(text: string): void;
  /** Whether standard output, and standard error, are a terminal. */
  readonly outIsTerminal: boolean;
  readonly errIsTerminal: boolean;
  /** Asks the person at the terminal, and gives the answer without its line end. Absent: nobody is there to ask. */
  readonly ask?: (question: string) => Promise<string>;
  /** The same for what nobody else should see: what is typed is not shown. */
  readonly askSecret?: (question: string) => Promise<string>;
  /** Everything that is piped in. Absent: nothing is. */
  readonly input?: () => Promise<string>;
  /** The code that the program ends with when the command returns. Default: `ExitCode.ok`. */
  exitWith(code: ExitCode): void;
}

/** What the program's exit code says; documented in docs/cli.md. */
export const ExitCode = { ok: 0, failed: 1, usage: 2 } as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];
