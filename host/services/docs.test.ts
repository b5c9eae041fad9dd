import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { expect, test } from 'vitest';
import { renderScopeDocs } from './render-docs.js';

test('docs/scopes.md is what the RPCs say', async () => {
  const file = fileURLToPath(new URL('../../docs/scopes.md', import.meta.url));
  const text = await format(renderScopeDocs(), { ...(await resolveConfig(file)), parser: 'markdown' });
  await expect(text).toMatchFileSnapshot(file);
});
