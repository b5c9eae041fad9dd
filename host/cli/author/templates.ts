import { HOOKS, type FieldSpec } from '@bulkhead/proto/rules';
import { HOST_VERSION } from '../../version.js';
import { KIND_TEMPLATES } from './plugin-kinds.js';
import type { PluginPlan } from './plugin-plan.js';

/** The oldest Node that runs the tests as they are written. */
const NODE_RANGE = '>=22.18';
const TYPESCRIPT_RANGE = '^7.0.2';
const NODE_TYPES_RANGE = '^24.0.0';

/** Path in the package → text. `sdk` is what devDependencies say of @bulkhead/sdk. */
export function renderPlugin(plan: PluginPlan, sdk: string): Readonly<Record<string, string>> {
  const { language } = plan;
  return {
    'package.json': `${JSON.stringify(packageJson(plan, sdk), null, 2)}\n`,
    'plugin.yaml': manifest(plan),
    'README.md': readme(plan),
    '.gitignore': 'node_modules/\ndist/\n*.tgz\n',
    [`src/index.${language}`]: entry(plan),
    [`src/index.test.${language}`]: test(plan),
    ...(language === 'ts' ? { 'tsconfig.json': `${JSON.stringify(TSCONFIG, null, 2)}\n` } : {}),
  };
}

function packageJson({ packageName, name, language }: PluginPlan, sdk: string): object {
  const typed = language === 'ts';
  return {
    name: packageName,
    version: '0.1.0',
    description: describe(name),
    license: 'UNLICENSED',
    type: 'module',
    engines: { node: NODE_RANGE },
    keywords: ['bulkhead-plugin'],
    files: typed
      ? ['dist', '!dist/**/*.test.*', 'plugin.yaml', 'README.md']
      : ['src', '!src/**/*.test.*', 'plugin.yaml', 'README.md'],
    exports: { '.': typed ? './dist/index.js' : './src/index.js', './package.json': './package.json' },
    scripts: {
      ...(typed ? { build: 'tsc' } : {}),
      test: `node --test "src/**/*.test.${language}"`,
    },
    peerDependencies: { '@bulkhead/sdk': sdkRange() },
    devDependencies: {
      '@bulkhead/sdk': sdk,
      ...(typed ? { '@types/node': NODE_TYPES_RANGE, typescript: TYPESCRIPT_RANGE } : {}),
    },
  };
}

/** What a published SDK is asked for. */
export function sdkRange(): string {
  return `^${HOST_VERSION}`;
}

const TSCONFIG = {
  compilerOptions: {
    target: 'es2024',
    module: 'nodenext',
    moduleResolution: 'nodenext',
    types: ['node'],
    rootDir: 'src',
    outDir: 'dist',
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    verbatimModuleSyntax: true,
    erasableSyntaxOnly: true,
    rewriteRelativeImportExtensions: true,
    skipLibCheck: true,
    noEmitOnError: true,
  },
  include: ['src', 'plugin.gen.d.ts'],
};

function manifest({ id, name, hooks, kinds }: PluginPlan): string {
  const parts = kinds.map((kind) => KIND_TEMPLATES[kind]);
  const services = parts.flatMap((part) => part.services ?? []);
  const apis = [...(hooks.length === 0 ? [] : ['hooks-v1']), ...parts.flatMap(({ api }) => api ?? [])];
  const contributes = parts.flatMap((part) => part.contributes ?? []).join('');
  return `id: ${id}
name: ${name}
version: 0.1.0
description: ${describe(name)}
maturity: alpha
support: community
documentation: minimal

# What the code handles; a difference between the two stops the start.
hooks: [${hooks.join(', ')}]
${parts.flatMap((part) => (part.manifest === undefined ? [] : [`\n${part.manifest}`])).join('')}${contributes === '' ? '' : `\n# What it adds to the host.\ncontributes:\n${contributes}`}
# What it asks for. An operator grants it, or less.
permissions: ${services.length === 0 ? '{}' : `{ services: [${services.join(', ')}] }`}

compat:
  app: '>=${HOST_VERSION}'
  api: [${apis.join(', ')}]
  node: '${NODE_RANGE}'

# The types of \`config\` in the code follow from this: bulkhead types.
config_schema:
  type: object
  properties:
    note:
      type: string
      default: seen by ${name}
      description: What it writes beside each answer.
`;
}

function entry({ name, hooks, kinds, language }: PluginPlan): string {
  const handlers = hooks.map(
    (hook) => `      ${hook}(_payload, ctx) {
        // Nothing returned lets it pass. modify({ … }) changes it, deny({ code, reason }) refuses it.
        ctx.metadata.set('note', config.note);
      },`,
  );
  const members = [
    ...(handlers.length === 0 ? [] : [`    hooks: {\n${handlers.join('\n')}\n    },`]),
    ...kinds.map((kind) => KIND_TEMPLATES[kind].code),
  ];
  const check = language === 'js' ? '// @ts-check\n' : '';
  return `${check}import { definePlugin } from '@bulkhead/sdk';

/** Runs once per process, with the configuration that the host has merged and checked. */
export default definePlugin(({ config, log }) => {
  log.debug('${name} is set up');
  return {
${members.join('\n')}
  };
});
`;
}

function test({ name, hooks, kinds, language }: PluginPlan): string {
  const calls = hooks.map(
    (hook) => `
test('${hook} passes with a note', async () => {
  const t = await testPlugin(plugin, { manifest, config: { note: 'hello' } });
  const answer = await t.invoke('${hook}', ${JSON.stringify(samplePayload(hook))});
  assert.equal(answer.allowed, true);
  assert.equal(answer.metadata['note'], 'hello');
  await t.shutdown();
});
`,
  );
  const more = kinds.map((kind) => {
    const { name: says, body } = KIND_TEMPLATES[kind].test;
    return `
test('${says}', async () => {
  const t = await testPlugin(plugin, { manifest, config: { note: 'hello' } });
${body}
  await t.shutdown();
});
`;
  });
  return `import assert from 'node:assert/strict';
import test from 'node:test';
import { testPlugin } from '@bulkhead/sdk/testing';
import plugin from './index.${language}';

const manifest = new URL('../plugin.yaml', import.meta.url);
${[...calls, ...more].join('')}
test('a configuration of the wrong type is refused', async () => {
  await assert.rejects(testPlugin(plugin, { manifest, config: { note: 7 } }), { code: 'CONFIG_INVALID' });
});

test('${name} says in its manifest what it handles', async () => {
  const t = await testPlugin(plugin, { manifest });
  assert.deepEqual(await t.health(), { state: 'healthy' });
  await t.shutdown();
});
`;
}

/** The least payload that a hook takes. */
export function samplePayload(hook: string): Readonly<Record<string, unknown>> {
  const fields: Readonly<Record<string, FieldSpec>> = new Map(Object.entries(HOOKS)).get(hook)?.fields ?? {};
  return Object.fromEntries(
    Object.entries(fields)
      .filter(([, field]) => !field.optional && !('fallback' in field))
      .map(([name, { kind }]) => [name, name === 'user' ? SAMPLE_USER : SAMPLES[kind]]),
  );
}

const SAMPLE_USER = { id: 'example' };

const SAMPLES: Readonly<Record<FieldSpec['kind'], unknown>> = {
  text: 'example',
  texts: [],
  number: 0,
  flag: true,
  headers: {},
  json: {},
};

function readme({ name, language }: PluginPlan): string {
  const build = language === 'ts' ? 'npm run build    # dist/, which the host loads\n' : '';
  return `# ${name}

${describe(name)}

\`\`\`sh
npm install
${build}npm test
bulkhead dev .   # runs it alone, builds and reloads on save, shows each call
bulkhead test .  # the tests, and what the manifest declares against what the code does
bulkhead pack .  # the tarball for bulkhead plugin install
\`\`\`
`;
}

function describe(name: string): string {
  return `What ${name} does, in one sentence.`;
}
