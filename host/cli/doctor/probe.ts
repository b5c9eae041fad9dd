import { execa } from 'execa';
import type { Probe } from './finding.js';

const PROBE_TIMEOUT_MS = 5_000;
const MAX_OUTPUT_CHARS = 10_000;

/** A program that is not there, fails or hangs is a finding, not an error. */
export function createProbe(env: Readonly<Record<string, string | undefined>>): Probe {
  return async (file, ...args) => {
    const { failed, all } = await execa(file, args, {
      reject: false,
      all: true,
      timeout: PROBE_TIMEOUT_MS,
      maxBuffer: MAX_OUTPUT_CHARS,
      stdin: 'ignore',
      extendEnv: false,
      env: { PATH: env['PATH'] ?? '/usr/bin:/bin' },
    });
    return { ok: !failed, output: all };
  };
}
