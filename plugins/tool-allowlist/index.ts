import { definePlugin, deny } from '@bulkhead/sdk';
import type { ToolAllowlistConfig } from './config.js';
import { compileToolList, MAX_NAME_LENGTH, type ToolList } from './tool-list.js';

interface Lists {
  /** Undefined: every tool that is not denied may be called. */
  readonly allowed: ToolList | undefined;
  readonly denied: ToolList;
}

export default definePlugin<ToolAllowlistConfig>(({ config, log }) => {
  // An operator's binding may give a call a configuration of its own.
  const compiled = new WeakMap<ToolAllowlistConfig, Lists>();
  const listsOf = (given: ToolAllowlistConfig): Lists => {
    const lists = compiled.get(given) ?? compile(given);
    compiled.set(given, lists);
    return lists;
  };

  if (config.allowed_tools.length === 0 && config.denied_tools.length === 0) {
    log.warn('allowed_tools and denied_tools are both empty: every tool may be called');
  }
  listsOf(config);

  return {
    hooks: {
      tool_pre_invoke({ name }, ctx) {
        const { allowed, denied } = listsOf(ctx.config);
        const tool = { name, serverId: ctx.serverId };
        if (name.length > MAX_NAME_LENGTH)
          return refuse(name, `its name is longer than ${String(MAX_NAME_LENGTH)} characters`);
        if (denied(tool)) return refuse(name, 'it is in the deny list');
        if (allowed !== undefined && !allowed(tool)) return refuse(name, 'it is not in the allow list');
        return undefined;
      },
    },
  };
});

function compile(config: ToolAllowlistConfig): Lists {
  return {
    allowed: config.allowed_tools.length === 0 ? undefined : compileToolList(config.allowed_tools),
    denied: compileToolList(config.denied_tools),
  };
}

function refuse(name: string, why: string) {
  const shown = name.length > MAX_NAME_LENGTH ? `${name.slice(0, MAX_NAME_LENGTH)}…` : name;
  return deny({
    code: 'TOOL_NOT_ALLOWED',
    reason: `Tool '${shown}' is not allowed: ${why}`,
    description: 'Only tools that the operator allows may be called.',
    details: { tool: shown },
  });
}
