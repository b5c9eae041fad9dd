import { definePlugin } from '@bulkhead/sdk';
import { createBudget } from './budget.js';
import type { TokenBudgetConfig } from './config.js';

export default definePlugin<TokenBudgetConfig>(({ config }) => {
  const budget = createBudget(config.max_keys, () => Date.now());
  return {
    hooks: {
      tool_pre_invoke: ({ args }, ctx) => budget.charge([args], ctx),
      tool_post_invoke: ({ result }, ctx) => {
        budget.settle([result], ctx);
      },
      agent_pre_invoke: ({ messages, system_prompt, parameters }, ctx) =>
        budget.charge([messages, system_prompt, parameters], ctx),
      agent_post_invoke: ({ messages, tool_calls }, ctx) => {
        budget.settle([messages, tool_calls], ctx);
      },
    },
  };
});
