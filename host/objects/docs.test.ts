import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { expect, test } from 'vitest';
import { renderObjectDocs } from './render-docs.js';

test('docs/objects.md is what the schemas say', async () => {
  const file = fileURLToPath(new URL('../../docs/objects.md', import.meta.url));
  const text = await format(renderObjectDocs(), { ...(await resolveConfig(file)), parser: 'markdown' });
  await expect(text).toMatchFileSnapshot(file);
});
