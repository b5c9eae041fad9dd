import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { HOST_VERSION } from './version.js';

test('the version is that of package.json', () => {
  const described: unknown = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'));
  expect(described).toMatchObject({ name: '@bulkhead/host', version: HOST_VERSION });
});
