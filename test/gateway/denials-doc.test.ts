import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { McpCode } from '../../host/gateway/mcp/denial.js';

test('docs/denials.md names every code of the gateway’s own, and no other', async () => {
  const text = await readFile(new URL('../../docs/denials.md', import.meta.url), 'utf8');
  const named = new Set([...text.matchAll(/−(3205\d)/g)].map(([, digits]) => -Number(digits)));
  expect(named).toEqual(new Set(Object.values(McpCode)));
});
