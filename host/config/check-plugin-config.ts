import type { Clock } from '../clock.js';
import { createSchemaCheck } from '../schemas/schema-check.js';
import {
  ANY_MAP,
  checkedConfig,
  copyConfig,
  createCostJudge,
  runConfigCheck,
  unusableSchema,
  type CheckConfigOptions,
  type CheckedConfig,
  type ConfigRun,
  type JsonSchema,
  type Keys,
} from '@bulkhead/proto/rules/schema';

/** Checks the configurations of plugins against schemas that they wrote, while the host goes on. */
export interface ConfigChecks {
  /** What the schema's defaults alone say; nothing where it cannot be used, which `check` tells. */
  defaults(schema: JsonSchema | undefined): Promise<Readonly<Record<string, unknown>>>;
  /** As `checkConfig`. */
  check(schema: JsonSchema | undefined, config: unknown, options: CheckConfigOptions): Promise<CheckedConfig>;
  /** Ends the thread, if there is one. */
  close(): Promise<void>;
}

/** A check whose cost its sizes bound is done at once; any other one in a thread, which ends with it past 2 s. */
export function createConfigChecks(clock: Pick<Clock, 'after' | 'monotonic'>): ConfigChecks {
  const schemas = createSchemaCheck({ clock });
  const unusable = new Map<JsonSchema, Error>();

  const run = async (
    schema: JsonSchema,
    config: Record<string, unknown>,
    removed: readonly Keys[],
  ): Promise<ConfigRun> => {
    const known = unusable.get(schema);
    if (known !== undefined) throw known;
    try {
      return createCostJudge(schema)(JSON.stringify(config).length)
        ? runConfigCheck(schema, config, removed)
        : await schemas.config(schema, config, removed);
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      unusable.set(schema, error);
      throw error;
    }
  };

  return {
    async defaults(schema) {
      if (schema === undefined) return {};
      try {
        return (await run(schema, {}, [])).defaults;
      } catch {
        return {};
      }
    },
    async check(schema = ANY_MAP, config, options) {
      const { prefix = [], removed = [] } = options;
      const copied = copyConfig(config, prefix);
      if (!copied.ok) return copied;
      try {
        return checkedConfig(await run(schema, copied.config, removed), options);
      } catch (error) {
        return { ok: false, problems: [unusableSchema(error, prefix)] };
      }
    },
    close: () => schemas.close(),
  };
}
