import { spawn } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the clone. */
export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** A step that did not work; the message carries everything that it printed. */
export class StepFailed extends Error {}

const SIGN_OF_LIFE_MS = 5_000;
/** More than this of a step's output is cut from the front. */
const KEPT_OUTPUT_CHARS = 1_000_000;

/**
 * Runs one program as a step with a name. Its output is shown when it fails, or always with BULKHEAD_VERBOSE=1;
 * until it ends a line every five seconds says that it still works.
 * @param {string} title what happens, for a person: "Installing packages"
 * @param {string} file
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: Record<string, string>, shell?: boolean }} [options]
 * @throws {StepFailed}
 */
export async function step(title, file, args, options = {}) {
  const started = Date.now();
  const verbose = process.env.BULKHEAD_VERBOSE === '1';
  process.stderr.write(`• ${title} …\n`);
  const ticker = setInterval(() => {
    process.stderr.write(`  still at it: ${title.toLowerCase()}, ${seconds(started)}\n`);
  }, SIGN_OF_LIFE_MS);
  try {
    const result = await run(file, args, options, verbose);
    if (result.ok) {
      process.stderr.write(`  done in ${seconds(started)}\n`);
      return;
    }
    const command = [file, ...args].join(' ');
    throw new StepFailed(
      `\n${result.output.trimEnd()}\n\nFailed: ${title} (${result.why}).\nThe command was: ${command}\n` +
        `In: ${options.cwd ?? ROOT}`,
    );
  } finally {
    clearInterval(ticker);
  }
}

function run(file, args, options, verbose) {
  return new Promise((resolve) => {
    const child = spawn(file, args, {
      cwd: options.cwd ?? ROOT,
      env: { ...process.env, ...options.env },
      shell: options.shell ?? false,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const keep = (chunk) => {
      if (verbose) process.stderr.write(chunk);
      output = (output + chunk).slice(-KEPT_OUTPUT_CHARS);
    };
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    child.on('error', (error) =>
      resolve({ ok: false, output, why: `could not be started: ${error.message}` }),
    );
    child.on('close', (code, signal) => {
      resolve({ ok: code === 0, output, why: signal ? `ended by ${signal}` : `exit code ${code}` });
    });
  });
}

function seconds(started) {
  return `${((Date.now() - started) / 1000).toFixed(1)} s`;
}
