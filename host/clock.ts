/** Time as the host sees it. The composition root passes the real one; tests pass their own. */
export interface Clock {
  /** Milliseconds since the Unix epoch; may jump. For logs and records only. */
  now(): number;
  /** Milliseconds that never jump. For every duration and deadline. */
  monotonic(): number;
  /** Calls back once after `delayMs`; the returned function cancels. Does not keep the process alive. */
  after(delayMs: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return () => {
      clearTimeout(timer);
    };
  },
};
