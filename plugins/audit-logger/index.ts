import { isAbsolute, resolve } from 'node:path';
import { definePlugin, degraded, healthy, type HookContext, type JsonValue } from '@bulkhead/sdk';
import { AuditFile } from './audit-file.js';
import { BatchWriter } from './batch-writer.js';
import type { AuditLoggerConfig } from './config.js';
import { createEntry, type EntryOptions } from './entry.js';
import { createRedactor } from './redact.js';

const HOUR_MS = 3_600_000;

export default definePlugin<AuditLoggerConfig>(async ({ config, log, dataDir }) => {
  const now = (): number => Date.now();
  const path = resolvePath(config.path, dataDir);
  const file = new AuditFile({
    path,
    maxBytes: config.rotate_max_bytes,
    maxAgeMs: config.rotate_max_age_hours * HOUR_MS,
    keep: config.keep_files,
    sync: config.sync,
    now,
  });
  const writer = new BatchWriter(file, {
    maxLines: config.batch_max_lines,
    maxWaitMs: config.batch_max_wait_ms,
    maxQueueBytes: config.max_queue_bytes,
    lossLine: (dropped) =>
      `${JSON.stringify({ time: new Date(now()).toISOString(), event: 'lines_dropped', count: dropped })}\n`,
    onChange(failure) {
      if (failure === undefined)
        log.info('the audit log is written again', { path, dropped: writer.status.dropped });
      else log.error('the audit log cannot be written; lines are dropped and counted', { path, failure });
    },
  });
  // A path that can never work is an error at start; a disk that is full now may have room later.
  await file.prepare();

  const options: EntryOptions = {
    withFields: config.fields,
    maxFieldBytes: config.max_field_bytes,
    redact: createRedactor(config.redact_keys),
  };
  const write = (
    hook: string,
    target: string,
    ctx: HookContext<AuditLoggerConfig>,
    fields: Readonly<Record<string, JsonValue>>,
  ): void => {
    writer.add(createEntry({ hook, target, fields }, ctx, now(), options));
  };

  return {
    hooks: {
      tool_pre_invoke: (call, ctx) => {
        write('tool_pre_invoke', call.name, ctx, config.fields ? { args: call.args } : {});
      },
      tool_post_invoke: (call, ctx) => {
        write('tool_post_invoke', call.name, ctx, config.fields ? { result: call.result } : {});
      },
      prompt_pre_fetch: (prompt, ctx) => {
        write('prompt_pre_fetch', prompt.prompt_id, ctx, config.fields ? { args: prompt.args } : {});
      },
      prompt_post_fetch: (prompt, ctx) => {
        write('prompt_post_fetch', prompt.prompt_id, ctx, config.fields ? { result: prompt.result } : {});
      },
      resource_pre_fetch: (resource, ctx) => {
        write('resource_pre_fetch', resource.uri, ctx, config.fields ? { metadata: resource.metadata } : {});
      },
      resource_post_fetch: (resource, ctx) => {
        write('resource_post_fetch', resource.uri, ctx, config.fields ? { content: resource.content } : {});
      },
      agent_pre_invoke: (agent, ctx) => {
        write(
          'agent_pre_invoke',
          agent.agent_id,
          ctx,
          config.fields ? { model: agent.model, messages: agent.messages } : {},
        );
      },
      agent_post_invoke: (agent, ctx) => {
        write(
          'agent_post_invoke',
          agent.agent_id,
          ctx,
          config.fields ? { messages: agent.messages, tool_calls: agent.tool_calls } : {},
        );
      },
    },
    health() {
      const { failure, dropped } = writer.status;
      if (failure === undefined) return healthy();
      return degraded(`${path} cannot be written (${failure}); ${String(dropped)} lines dropped so far`);
    },
    shutdown: () => writer.close(),
  };
});

function resolvePath(path: string, dataDir: string | undefined): string {
  if (isAbsolute(path)) return path;
  if (dataDir === undefined) {
    throw new Error(
      `path: '${path}' is relative and the host gives no data directory; write an absolute path`,
    );
  }
  return resolve(dataDir, path);
}
