import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { median } from './measure.ts';

export interface StartAndMemory {
  readonly startMs: number;
  /** Of one plugin, once the host has found out what sandbox there is. */
  readonly restartMs: number;
  readonly hostPssMb: number;
  readonly pluginPssMb: number;
}

async function output(args: readonly string[]): Promise<{ stdout: string; ms: number }> {
  const begin = performance.now();
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let stdout = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${String(code)}`);
  return { stdout, ms: performance.now() - begin };
}

/** A fresh host process with `plugins` no-op plugins: how long until all are ready, and what memory they take. */
export async function measureStart(plugins: number, sandbox: 'basic' | 'strict'): Promise<StartAndMemory> {
  const { stdout } = await output([
    join(import.meta.dirname, 'start-and-memory-child.ts'),
    String(plugins),
    sandbox,
  ]);
  return JSON.parse(stdout) as StartAndMemory;
}

/** What Node itself needs to come up with grpc-js loaded: the floor under any start. */
export async function measureNodeStart(rounds: number): Promise<number> {
  const grpc = import.meta.resolve('@grpc/grpc-js');
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    times.push((await output(['--input-type=module', '-e', `await import(${JSON.stringify(grpc)})`])).ms);
  }
  return median(times);
}
