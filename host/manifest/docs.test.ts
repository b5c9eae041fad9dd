import { fileURLToPath } from 'node:url';
import { MANIFEST_SCHEMA, checkConfigSchema } from '@bulkhead/proto/rules/schema';
import { format, resolveConfig } from 'prettier';
import { expect, it } from 'vitest';
import { renderManifestDocs } from './render-docs.js';

const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

it('docs/manifest.md is what the schema says', async () => {
  const file = at('docs/manifest.md');
  const text = await format(renderManifestDocs(), { ...(await resolveConfig(file)), parser: 'markdown' });
  await expect(text).toMatchFileSnapshot(file);
});

it('plugin.schema.json is the schema', async () => {
  const file = at('plugin.schema.json');
  const text = await format(JSON.stringify(MANIFEST_SCHEMA), {
    ...(await resolveConfig(file)),
    parser: 'json',
  });
  await expect(text).toMatchFileSnapshot(file);
});

it('the published schema is a schema without keywords that nothing knows', () => {
  expect(checkConfigSchema(MANIFEST_SCHEMA)).toEqual({ problems: [], notices: [] });
});
