import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createHost } from '@bulkhead/host';
import { median, percentile } from './measure.ts';
import { payload } from './payload.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures/plugins');
/** Between two calls to the neighbour, which take a tenth of it: a queue is somebody else's doing. */
const CALL_INTERVAL_MS = 1;
const QUIET_MS = 1_000;
/** What a start leaves to do, before it is quiet. */
const SETTLE_MS = 300;
/** A plugin that is not ended stops being measured after this. */
const MAX_MS = 2_000;

/** What a plugin does to the machine, as the hostile fixture calls it. */
export const MISDEEDS = ['eat-memory', 'fork-bomb', 'thread-bomb', 'spin'] as const;
export type Misdeed = (typeof MISDEEDS)[number];

export interface Disturbance {
  /** The median of the rounds, each way. */
  readonly quietP99Us: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** p99 with the misdeed to p99 without, the median of the rounds: each has both, so a slow minute hits both. */
  readonly ratio: number;
  /** From the misdeed to the end of it, in milliseconds. */
  readonly untilEndedMs: number;
}

/**
 * How long calls to one plugin take while another one misbehaves, until that one is ended; again and again, because
 * that is a fraction of a second.
 */
export async function measureDisturbance(
  misdeed: Misdeed,
  sandbox: 'basic' | 'strict',
  rounds: number,
): Promise<Disturbance> {
  const directory = await mkdtemp(join(tmpdir(), 'bench-'));
  const only = (tools: readonly string[]): object => ({
    conditions: [{ tools }],
    hooks: ['tool_pre_invoke'],
  });
  const host = await createHost({
    environment: 'development',
    host: { data_dir: directory, sandbox },
    log: { level: 'silent' },
    // Each round is a crash.
    lifecycle: { crash_limit: 1_000, backoff_initial_ms: 50, backoff_max_ms: 50 },
    plugins: {
      neighbour: { plugin: join(FIXTURES, 'noop'), ...only([payload.name]) },
      culprit: {
        plugin: join(FIXTURES, 'hostile'),
        on_error: 'ignore',
        timeout_ms: MAX_MS,
        grants: { subprocess: true },
        ...only(['misdeed']),
      },
    },
  });
  await host.start();
  const call = async (): Promise<unknown> => host.invoke('tool_pre_invoke', payload);
  const ready = (): boolean => host.status().plugins.every(({ serving }) => serving);
  const taken: { quiet: number[]; disturbed: number[]; endedMs: number }[] = [];
  for (let round = 0; round < rounds; round += 1) {
    while (!ready()) await sleep(20);
    await sleep(SETTLE_MS);
    const quiet = await callsUntil(call, sleep(QUIET_MS));
    const ended = new Promise<void>((resolve) => {
      const unsubscribe = host.subscribe((event) => {
        if (event.kind !== 'state' || event.plugin !== 'culprit' || event.to.kind !== 'failed') return;
        unsubscribe();
        resolve();
      });
      void sleep(MAX_MS).then(resolve);
    });
    const began = performance.now();
    const misbehaving = host.invoke('tool_pre_invoke', { name: 'misdeed', args: { attempt: misdeed } });
    const disturbed = await callsUntil(call, ended);
    taken.push({ quiet, disturbed, endedMs: performance.now() - began });
    await misbehaving;
    // One that was not ended in this time would spoil the next quiet.
    await host.disable('culprit');
    await host.enable('culprit');
  }
  await host.stop();
  await rm(directory, { recursive: true, force: true });
  const p99s = taken.map((round) => ({
    quiet: percentile(round.quiet, 0.99),
    disturbed: percentile(round.disturbed, 0.99),
  }));
  const us = (ms: readonly number[]): number => Math.round(median(ms) * 1000);
  return {
    quietP99Us: us(p99s.map(({ quiet }) => quiet)),
    p50Us: us(taken.map(({ disturbed }) => percentile(disturbed, 0.5))),
    p99Us: us(p99s.map(({ disturbed }) => disturbed)),
    ratio: Math.round(median(p99s.map(({ quiet, disturbed }) => disturbed / quiet)) * 10) / 10,
    untilEndedMs: Math.round(median(taken.map(({ endedMs }) => endedMs))),
  };
}

/** How long calls took, sorted, in milliseconds. */
async function callsUntil(call: () => Promise<unknown>, end: Promise<unknown>): Promise<number[]> {
  const latencies: number[] = [];
  let over = false;
  void end.then(() => {
    over = true;
  });
  while (!over) {
    const began = performance.now();
    await call();
    latencies.push(performance.now() - began);
    await sleep(CALL_INTERVAL_MS);
  }
  return latencies.sort((a, b) => a - b);
}
