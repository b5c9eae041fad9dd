import { fileURLToPath } from 'node:url';
import { checkConfigSchema } from '@bulkhead/proto/rules/schema';
import { format, resolveConfig } from 'prettier';
import { expect, it } from 'vitest';
import { BULKHEAD_SCHEMA, configSchema } from './bulkhead-schema.js';
import { renderConfigDocs } from './render-docs.js';

const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

it('docs/configuration.md is what the schema says', async () => {
  const file = at('docs/configuration.md');
  const text = await format(renderConfigDocs(), { ...(await resolveConfig(file)), parser: 'markdown' });
  await expect(text).toMatchFileSnapshot(file);
});

it('bulkhead.schema.json is the schema', async () => {
  const file = at('bulkhead.schema.json');
  const text = await format(configSchema(), { ...(await resolveConfig(file)), parser: 'json' });
  await expect(text).toMatchFileSnapshot(file);
});

it('the published schema is a schema without keywords that nothing knows', () => {
  expect(checkConfigSchema(BULKHEAD_SCHEMA).problems).toEqual([]);
});
