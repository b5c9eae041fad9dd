import type { JsonSchema } from '@bulkhead/proto/rules/schema';

/** `services.limits`, and `service_limits` of an entry. */
export interface ServiceBudgetsSection {
  readonly kv_per_second?: number;
  readonly reads_per_minute?: number;
  readonly changes_per_minute?: number;
}

/** How often one configured entry may ask the host. */
export interface ServiceBudgets {
  readonly kvPerSecond: number;
  readonly readsPerMinute: number;
  readonly changesPerMinute: number;
}

export const DEFAULT_SERVICE_BUDGETS: ServiceBudgets = {
  kvPerSecond: 20_000,
  readsPerMinute: 10_000,
  changesPerMinute: 1_000,
};

const count = { type: 'integer', minimum: 1, maximum: 10_000_000 };

/** Of an entry: none has a default, because `services.limits` is it. */
export const OWN_SERVICE_BUDGETS: JsonSchema = {
  kv_per_second: { ...count, description: 'Operations on its key-value namespace.' },
  reads_per_minute: { ...count, description: 'Calls of the Service API that read, ask or execute.' },
  changes_per_minute: { ...count, description: 'Calls of the Service API that change something.' },
};

/** The same with the host's defaults. */
export const SERVICE_BUDGETS: JsonSchema = {
  kv_per_second: withDefault('kv_per_second', DEFAULT_SERVICE_BUDGETS.kvPerSecond),
  reads_per_minute: withDefault('reads_per_minute', DEFAULT_SERVICE_BUDGETS.readsPerMinute),
  changes_per_minute: withDefault('changes_per_minute', DEFAULT_SERVICE_BUDGETS.changesPerMinute),
};

function withDefault(key: keyof ServiceBudgetsSection, value: number): JsonSchema {
  const schema = OWN_SERVICE_BUDGETS[key];
  return { ...(typeof schema === 'object' ? schema : {}), default: value };
}

/** What an operator wrote for this entry, else for all, else the default. */
export function resolveServiceBudgets(
  all: ServiceBudgetsSection,
  own: ServiceBudgetsSection = {},
): ServiceBudgets {
  const { kvPerSecond, readsPerMinute, changesPerMinute } = DEFAULT_SERVICE_BUDGETS;
  return {
    kvPerSecond: own.kv_per_second ?? all.kv_per_second ?? kvPerSecond,
    readsPerMinute: own.reads_per_minute ?? all.reads_per_minute ?? readsPerMinute,
    changesPerMinute: own.changes_per_minute ?? all.changes_per_minute ?? changesPerMinute,
  };
}
