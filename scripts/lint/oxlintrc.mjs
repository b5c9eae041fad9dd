import { FORBIDDEN_PACKAGES, READS_ENVIRONMENT, forbiddenFolders } from './floors.mjs';

const TESTS = ['**/*.test.ts', '**/*.test-support.ts', '**/fixtures/**'];

/**
 * The linter's configuration as text. A later override replaces the options of an earlier one, so each folder's entry
 * repeats what holds for its whole package.
 */
export function renderOxlintrc() {
  const config = {
    $schema: './node_modules/oxlint/configuration_schema.json',
    plugins: ['typescript', 'unicorn', 'oxc', 'node', 'import'],
    options: { typeAware: true },
    categories: { correctness: 'error' },
    rules: {
      'typescript/no-floating-promises': 'error',
      'typescript/no-misused-promises': 'error',
      'typescript/await-thenable': 'error',
      'typescript/no-explicit-any': 'error',
      'typescript/no-non-null-assertion': 'error',
      'typescript/ban-ts-comment': 'error',
      'typescript/only-throw-error': 'error',
      // Factories return closures as members; they have no `this` to lose.
      'typescript/unbound-method': 'off',
      // A union with a type that authors extend is `never` until they do.
      'typescript/no-redundant-type-constituents': 'off',
      'typescript/no-misused-spread': 'off',
      // Messages quote what came, whatever it is.
      'typescript/no-base-to-string': 'off',
      'eslint/no-console': 'error',
      'node/no-process-env': 'error',
    },
    ignorePatterns: ['**/dist/**', '**/gen/**', '**/node_modules/**', '.bulkhead/**', 'coverage/**'],
    overrides: [
      ...Object.entries(FORBIDDEN_PACKAGES).map(([root, packages]) => ({
        files: [`${root}/**/*.ts`],
        rules: { 'eslint/no-restricted-imports': ['error', { patterns: packagePatterns(root, packages) }] },
      })),
      ...forbiddenFolders().map(({ folder, forbidden }) => ({
        files: [folder.endsWith('.ts') ? `host/${folder}` : `host/${folder}/**/*.ts`],
        rules: {
          'eslint/no-restricted-imports': [
            'error',
            {
              patterns: [
                ...packagePatterns('host', FORBIDDEN_PACKAGES.host),
                ...folderPatterns(folder, forbidden),
              ],
            },
          ],
        },
      })),
      { files: READS_ENVIRONMENT, rules: { 'node/no-process-env': 'off' } },
      { files: ['scripts/**', 'test/bench/**', 'sdk/build.mjs'], rules: { 'eslint/no-console': 'off' } },
      {
        files: TESTS,
        rules: {
          'node/no-process-env': 'off',
          'eslint/no-console': 'off',
          'eslint/no-restricted-imports': 'off',
        },
      },
    ],
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

function packagePatterns(root, packages) {
  return [
    {
      regex: `^(${packages.join('|')})(/|$)`,
      message: `${root} must not import this package: the arrows are plugins → sdk → proto and host → proto.`,
    },
    {
      regex: String.raw`^(\.\.?/|@bulkhead).*/dist/`,
      message: 'Import the package by its name, not a file of its build.',
    },
  ];
}

function folderPatterns(folder, forbidden) {
  if (forbidden.length === 0) return [];
  const names = forbidden.map((name) =>
    name.endsWith('.ts') ? name.replace(/\.ts$/, String.raw`\.js`) : name,
  );
  return [
    {
      regex: String.raw`^(\.\.?/)+(${names.join('|')})(/|$)`,
      message: `host/${folder} imports only from floors below its own and from folders to its left (docs/architecture.md).`,
    },
  ];
}
