import { definePlugin, deny, modify, type Deny, type HookContext, type JsonValue } from '@bulkhead/sdk';
import type { PiiFilterConfig } from './config.js';
import { createFilter, type Counts, type Filter } from './filter.js';

/** Deeper than this a changed value may no longer print as JSON (`JSON.stringify` recurses), so the request is refused. */
const MAX_DEPTH = 1_000;

type Changes<Name extends string> = { readonly [Field in Name]?: JsonValue };

export default definePlugin<PiiFilterConfig>(({ config }) => {
  // An operator's binding may give a call a configuration of its own. The process's own is compiled here, so that a
  // pattern that is no regular expression stops the start and not a request.
  const filters = new WeakMap<PiiFilterConfig, Filter>([[config, createFilter(config)]]);

  /** The fields that must change, or why the request is refused. */
  function inspect<Name extends string>(
    ctx: HookContext<PiiFilterConfig>,
    fields: Readonly<Record<Name, JsonValue>>,
  ): { readonly refused: Deny } | { readonly changes: Changes<Name> } {
    const filter = filters.get(ctx.config) ?? createFilter(ctx.config);
    filters.set(ctx.config, filter);
    const changes: { [Field in Name]?: JsonValue } = {};
    const counts: Counts = {};
    let deepest = 0;
    for (const name in fields) {
      const filtered = filter(fields[name]);
      if (filtered.found === 0) continue;
      changes[name] = filtered.value;
      deepest = Math.max(deepest, filtered.deepest);
      addCounts(counts, filtered.counts);
    }
    const kinds = Object.keys(counts);
    if (kinds.length === 0) return { changes };
    ctx.metadata.set('detections', { ...counts });
    ctx.log.debug('found personal data', { detections: counts, action: ctx.config.action });
    if (ctx.config.action === 'block') {
      return {
        refused: deny({
          code: 'PII_DETECTED',
          reason: `Personal data found: ${kinds.join(', ')}`,
          description: 'Leave these values out and try again.',
          details: { detections: counts },
        }),
      };
    }
    if (deepest > MAX_DEPTH) {
      return {
        refused: deny({
          code: 'PII_TOO_DEEP',
          reason: `Personal data found ${String(deepest)} levels deep; it can be masked down to ${String(MAX_DEPTH)} levels`,
          details: { detections: counts },
        }),
      };
    }
    return { changes };
  }

  function guard<Name extends string>(
    ctx: HookContext<PiiFilterConfig>,
    fields: Readonly<Record<Name, JsonValue>>,
  ) {
    const inspected = inspect(ctx, fields);
    return 'refused' in inspected ? inspected.refused : modify(inspected.changes);
  }

  return {
    hooks: {
      tool_pre_invoke: ({ args }, ctx) => guard(ctx, { args }),
      tool_post_invoke: ({ result }, ctx) => guard(ctx, { result }),
      prompt_pre_fetch: ({ args }, ctx) => guard(ctx, { args }),
      prompt_post_fetch: ({ result }, ctx) => guard(ctx, { result }),
      resource_post_fetch: ({ content }, ctx) => guard(ctx, { content }),
      agent_pre_invoke({ messages, parameters, system_prompt }, ctx) {
        const inspected = inspect(ctx, { messages, parameters, system_prompt });
        if ('refused' in inspected) return inspected.refused;
        const { system_prompt: prompt, ...changes } = inspected.changes;
        return modify(typeof prompt === 'string' ? { ...changes, system_prompt: prompt } : changes);
      },
      agent_post_invoke: ({ messages, tool_calls }, ctx) => guard(ctx, { messages, tool_calls }),
    },
  };
});

function addCounts(total: Counts, counts: Counts): void {
  for (const [name, count] of Object.entries(counts)) {
    total[name] = (total[name] ?? 0) + count;
  }
}
