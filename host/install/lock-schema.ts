import type { JsonSchema } from '@bulkhead/proto/rules/schema';

/** The number that a lock carries under `format`; another one is not read. */
export const LOCK_FORMAT = 1;

const text = { type: 'string', minLength: 1 };
const hash = {
  type: 'string',
  pattern: '^sha512-[A-Za-z0-9+/]{86}==$',
  'x-expected': 'sha512- and a hash in base64',
};

function source(kind: string, properties: JsonSchema, required: readonly string[]): JsonSchema {
  return {
    type: 'object',
    additionalProperties: false,
    required: ['kind', ...required],
    properties: { kind: { const: kind }, ...properties },
  };
}

const sources = {
  anyOf: [
    source('registry', { name: text, range: text, publisher: text }, ['name', 'range']),
    source('folder', { path: text }, ['path']),
    source('tarball', { path: text }, ['path']),
    source('bundle', { path: text }, ['path']),
  ],
  'x-expected': 'a source with its kind: registry, folder, tarball or bundle',
  description: 'Where it came from; what `plugin update` asks again.',
};

/** The JSON Schema (draft 2020-12) of plugins.lock.json. */
export const LOCK_SCHEMA: JsonSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Bulkhead plugin lock',
  description:
    'plugins.lock.json: which plugins run, pinned to the byte. Written by `bulkhead plugin`; review it, do not edit it.',
  type: 'object',
  additionalProperties: false,
  required: ['format', 'plugins'],
  properties: {
    $schema: { type: 'string', description: 'For editors.' },
    format: { const: LOCK_FORMAT, description: 'Of this file.' },
    sdk: {
      type: 'object',
      additionalProperties: false,
      required: ['version', 'integrity'],
      description: 'The SDK that the host provides to plugins that pin none.',
      properties: { version: text, integrity: { ...hash, description: 'Over the list of its files.' } },
    },
    plugins: {
      type: 'object',
      description: 'By id, sorted.',
      propertyNames: { pattern: '^[a-z0-9][a-z0-9._-]*$' },
      additionalProperties: {
        type: 'object',
        additionalProperties: false,
        required: ['name', 'source', 'version', 'integrity', 'manifest', 'tree', 'sdk', 'permissions'],
        properties: {
          name: { ...text, description: "The manifest's name." },
          package: { ...text, description: 'The npm package.' },
          source: sources,
          version: { ...text, description: 'Exact.' },
          integrity: {
            ...hash,
            description:
              'Of the package: of its tarball; of a folder, over the list of the files that it packs.',
          },
          manifest: { ...hash, description: 'Of the manifest file.' },
          dependencies: {
            ...hash,
            description: 'Of locks/<id>/pnpm-lock.yaml. Absent: it has no dependencies.',
          },
          tree: {
            type: 'object',
            minProperties: 1,
            additionalProperties: hash,
            description:
              'Over the list of every installed file, by platform; `any` when no dependency depends on the platform. The SDK of the host is not part of it.',
          },
          sdk: {
            enum: ['host', 'own'],
            description: "Whose @bulkhead/sdk it runs on: the host's, or one that its dependencies pin.",
          },
          node: { ...text, description: 'Range of Node versions that it needs.' },
          permissions: { type: 'array', items: text, description: 'What it asked for, sorted.' },
        },
      },
    },
  },
};

/** The JSON Schema of plugin.lock.json, which a directory that was placed by hand may carry. */
export const PLUGIN_LOCK_SCHEMA: JsonSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Bulkhead lock of one plugin directory',
  description:
    'plugin.lock.json in a plugin directory that was placed by hand. Written by `bulkhead plugin lock`.',
  type: 'object',
  additionalProperties: false,
  required: ['format', 'version', 'integrity'],
  properties: {
    $schema: { type: 'string', description: 'For editors.' },
    format: { const: LOCK_FORMAT, description: 'Of this file.' },
    source: { ...text, description: 'Where the directory came from, for people.' },
    version: { ...text, description: "The manifest's version, exact." },
    integrity: { ...hash, description: 'Over the list of every file in the directory but this one.' },
    files: {
      type: 'array',
      items: text,
      description:
        'That list: a line per file with its kind (f, x executable, l link), its sha256 or target, and its path. Without it a change is found and the file is not named.',
    },
  },
};
