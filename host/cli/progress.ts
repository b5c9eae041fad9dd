import type { Cli } from './cli.js';

const FIRST_SIGN_MS = 1_000;
const NEXT_SIGN_MS = 5_000;

/** Waits for work, and says on standard error that it goes on when it takes more than a second. */
export async function withProgress<T>(cli: Cli, what: string, work: Promise<T>): Promise<T> {
  let seconds = FIRST_SIGN_MS / 1_000;
  let timer: NodeJS.Timeout;
  const sign = (): void => {
    cli.err(`${what} … ${seconds} s\n`);
    seconds += NEXT_SIGN_MS / 1_000;
    timer = setTimeout(sign, NEXT_SIGN_MS);
  };
  timer = setTimeout(sign, FIRST_SIGN_MS);
  try {
    return await work;
  } finally {
    clearTimeout(timer);
  }
}
