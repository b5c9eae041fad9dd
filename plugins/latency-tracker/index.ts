import { definePlugin, degraded, healthy, type HookContext } from '@bulkhead/sdk';
import type { LatencyTrackerConfig } from './config.js';
import { createLatencies } from './latencies.js';
import { createStopwatch } from './stopwatch.js';

/** Names in one log line; the busiest come first. */
const MAX_REPORTED = 20;
/** Longer names are cut, so that nobody fills the memory with them. */
const MAX_NAME_LENGTH = 200;

type Context = HookContext<LatencyTrackerConfig>;

export default definePlugin<LatencyTrackerConfig>(({ config, log }) => {
  const latencies = createLatencies(config.max_names);
  const stopwatch = createStopwatch(() => performance.timeOrigin + performance.now());

  const finish = (kind: string, name: string, ctx: Context): void => {
    const latencyMs = stopwatch.stop(kind, ctx);
    if (latencyMs === undefined) return;
    const qualified = ctx.serverId === undefined ? name : `${ctx.serverId}/${name}`;
    latencies.add(`${kind} ${qualified}`.slice(0, MAX_NAME_LENGTH), latencyMs);
    ctx.metadata.set('latency_ms', latencyMs);
  };
  const report = (): void => {
    const names = latencies.report();
    if (names.length > 0)
      log.info('latency', {
        names: names.slice(0, MAX_REPORTED),
        not_shown: Math.max(0, names.length - MAX_REPORTED),
      });
  };
  const timer = setInterval(report, config.report_interval_ms);
  timer.unref();

  return {
    hooks: {
      tool_pre_invoke: (_call, ctx) => {
        stopwatch.start('tool', ctx);
      },
      tool_post_invoke: ({ name }, ctx) => {
        finish('tool', name, ctx);
      },
      prompt_pre_fetch: (_prompt, ctx) => {
        stopwatch.start('prompt', ctx);
      },
      prompt_post_fetch: ({ prompt_id }, ctx) => {
        finish('prompt', prompt_id, ctx);
      },
      resource_pre_fetch: (_resource, ctx) => {
        stopwatch.start('resource', ctx);
      },
      resource_post_fetch: ({ uri }, ctx) => {
        finish('resource', uri, ctx);
      },
    },
    health() {
      const slow = latencies.slowest(config.slow_ms);
      if (slow === undefined) return healthy();
      return degraded(
        `${slow.name}: p95 ${String(slow.p95_ms)} ms, p50 ${String(slow.p50_ms)} ms; slow_ms is ${String(config.slow_ms)}`,
      );
    },
    shutdown() {
      clearInterval(timer);
      report();
    },
  };
});
