import { fileURLToPath } from 'node:url';
import { checkConfigSchema, type JsonSchema } from '@bulkhead/proto/rules/schema';
import { format, resolveConfig } from 'prettier';
import { expect, it } from 'vitest';
import { LOCK_SCHEMA, PLUGIN_LOCK_SCHEMA } from './lock-schema.js';

const schemas: readonly (readonly [string, JsonSchema])[] = [
  ['plugins.lock.schema.json', LOCK_SCHEMA],
  ['plugin.lock.schema.json', PLUGIN_LOCK_SCHEMA],
];

it.each(schemas)('%s is the schema, and has no keyword that nothing knows', async (name, schema) => {
  const file = fileURLToPath(new URL(`../../${name}`, import.meta.url));
  const text = await format(JSON.stringify(schema), { ...(await resolveConfig(file)), parser: 'json' });
  await expect(text).toMatchFileSnapshot(file);
  expect(checkConfigSchema(schema).problems).toEqual([]);
});
