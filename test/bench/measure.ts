/** One way to make a call. */
export interface Subject {
  /** One round trip. */
  call(): Promise<unknown>;
  close(): Promise<void>;
}

/** One whose calls are made in another process, which measures them there by the same rules. */
export interface RemoteSubject {
  /** Keeps `inFlight` calls going for `durationMs`. */
  measure(inFlight: number, durationMs: number): Promise<Sample>;
  close(): Promise<void>;
}

export interface Sample {
  readonly perSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return percentile(
    [...values].sort((a, b) => a - b),
    0.5,
  );
}

/** A closed loop, wherever its calls are made. */
export async function measure(
  subject: Subject | RemoteSubject,
  inFlight: number,
  durationMs: number,
): Promise<Sample> {
  if ('measure' in subject) return subject.measure(inFlight, durationMs);
  return closedLoop(subject, inFlight, durationMs);
}

/** Keeps `inFlight` calls going for `durationMs`: as soon as one is answered the next one starts. */
async function closedLoop(subject: Subject, inFlight: number, durationMs: number): Promise<Sample> {
  const latencies: number[] = [];
  const begin = performance.now();
  const end = begin + durationMs;
  const worker = async (): Promise<void> => {
    for (;;) {
      const start = performance.now();
      if (start >= end) return;
      await subject.call();
      latencies.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return summarize(latencies, performance.now() - begin);
}

/** Starts calls at a fixed rate whatever the answers do; a latency counts from when the call was due. */
export async function openLoop(subject: Subject, perSecond: number, durationMs: number): Promise<Sample> {
  const latencies: number[] = [];
  const calls: Promise<void>[] = [];
  const begin = performance.now();
  const total = Math.floor((perSecond * durationMs) / 1000);
  let started = 0;
  await new Promise<void>((resolve) => {
    const tick = (): void => {
      const due = Math.min(total, Math.floor(((performance.now() - begin) * perSecond) / 1000) + 1);
      for (; started < due; started += 1) {
        const dueAt = begin + (started * 1000) / perSecond;
        calls.push(
          subject.call().then(() => {
            latencies.push(performance.now() - dueAt);
          }),
        );
      }
      if (started >= total) resolve();
      else setTimeout(tick, Math.max(0, begin + (started * 1000) / perSecond - performance.now()));
    };
    tick();
  });
  await Promise.all(calls);
  return summarize(latencies, performance.now() - begin);
}

/** @param taken how long each call took, in milliseconds */
export function summarize(taken: readonly number[], elapsedMs: number): Sample {
  const latencies = taken.toSorted((a, b) => a - b);
  return {
    perSecond: Math.round((latencies.length * 1000) / elapsedMs),
    p50Us: Math.round(percentile(latencies, 0.5) * 1000 * 10) / 10,
    p99Us: Math.round(percentile(latencies, 0.99) * 1000 * 10) / 10,
  };
}
