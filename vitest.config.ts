import { defineConfig } from 'vitest/config';

// Tests marked *.long.test.ts hold the named sizes; `npm run test:long` runs them, `npm test` the small ones.
const long = process.env['BULKHEAD_LONG_TESTS'] === '1';

export default defineConfig({
  test: {
    include: long ? ['**/*.long.test.ts'] : ['**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**', '**/.bulkhead/**', ...(long ? [] : ['**/*.long.test.ts'])],
    globalSetup: ['host/store/shared-postgres.test-support.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: long ? 600_000 : 30_000,
    hookTimeout: 30_000,
  },
});
