#!/usr/bin/env node
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type Cli, ExitCode } from './cli.js';
import { run } from './run.js';

/** The question goes beside the output, so that a pipe gets only what was asked for. End of input is an empty answer. */
async function ask(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const ended = new AbortController();
  terminal.once('close', () => {
    ended.abort();
  });
  try {
    return await terminal.question(question, { signal: ended.signal });
  } catch (error) {
    if (ended.signal.aborted) return '';
    throw error;
  } finally {
    terminal.close();
  }
}

/** The same without an echo. */
async function askSecret(question: string): Promise<string> {
  process.stderr.write(question);
  const silent = new Writable({
    write(_chunk, _encoding, done) {
      done();
    },
  });
  const terminal = createInterface({ input: process.stdin, output: silent, terminal: true });
  try {
    return await terminal.question('');
  } finally {
    terminal.close();
    process.stderr.write('\n');
  }
}

const cli: Cli = {
  cwd: process.cwd(),
  env: process.env,
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  outIsTerminal: process.stdout.isTTY,
  errIsTerminal: process.stderr.isTTY,
  ...(process.stdin.isTTY && process.stderr.isTTY ? { ask, askSecret } : {}),
  ...(process.stdin.isTTY ? {} : { input: () => text(process.stdin) }),
  exitWith(code) {
    process.exitCode = code;
  },
};

// `bulkhead … | head` closes the pipe early; that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? ExitCode.ok : ExitCode.failed);
});

await run(cli, process.argv.slice(2));
