#!/usr/bin/env node
import { type Cli, ExitCode } from './cli.js';
import { run } from './run.js';

const cli: Cli = {
  cwd: process.cwd(),
  env: process.env,
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  outIsTerminal: process.stdout.isTTY,
  errIsTerminal: process.stderr.isTTY,
  exitWith(code) {
    process.exitCode = code;
  },
};

// `bulkhead … | head` closes the pipe early; that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? ExitCode.ok : ExitCode.failed);
});

await run(cli, process.argv.slice(2));
