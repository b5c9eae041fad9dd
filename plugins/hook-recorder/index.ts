import { definePlugin, type ObjectHookContext, type ObjectType } from '@bulkhead/sdk';
import type { HookRecorderConfig } from './config.js';
import { Recording, changedFields, type RecordedCall } from './recording.js';

interface RecorderTypes {
  readonly rpc: {
    readonly recorded: {
      readonly input: { readonly object?: string; readonly operation_id?: string } | null;
      readonly output: { readonly calls: readonly RecordedCall[]; readonly dropped: number };
    };
    readonly clear: { readonly input: unknown; readonly output: { readonly cleared: number } };
  };
}

export default definePlugin<HookRecorderConfig, RecorderTypes>(({ config }) => {
  const recording = new Recording(config.keep);

  const record = (object: object, ctx: ObjectHookContext<ObjectType, HookRecorderConfig>): undefined => {
    const call = recording.add({
      at: new Date().toISOString(),
      object: ctx.objectType,
      hook: ctx.hook,
      object_id: ctx.objectId ?? null,
      operation_id: ctx.operationId,
      user_id: ctx.userId ?? null,
      dry_run: ctx.dryRun,
      changed: changedFields(ctx.previous, object),
      ...(config.objects ? { value: object } : {}),
    });
    if (config.notes) {
      ctx.metadata.set('last', { hook: ctx.hook, operation_id: ctx.operationId, number: call.number });
      const seen = ctx.metadata.get('calls');
      ctx.metadata.set('calls', (typeof seen === 'number' ? seen : 0) + 1);
    }
    ctx.log.debug('an object hook was called', { object: ctx.objectType, hook: ctx.hook });
    return undefined;
  };
  const all = {
    priority: 90,
    before_create: record,
    after_create: record,
    before_update: record,
    after_update: record,
    before_delete: record,
    after_delete: record,
  };

  return {
    objectHooks: { llm: all, datasource: all, tool: all, user: all, app: all },
    rpc: {
      recorded(filter) {
        const { object, operation_id: operation } = filter ?? {};
        const calls = recording.find(
          (call) =>
            (object === undefined || call.object === object) &&
            (operation === undefined || call.operation_id === operation),
        );
        return { calls, dropped: recording.dropped };
      },
      clear: () => ({ cleared: recording.clear() }),
    },
  };
});
