import { MANIFEST_CONTRIBUTIONS } from './manifest-schema-contributions.js';
import { MANIFEST_UI } from './manifest-schema-ui.js';
import type { JsonSchema } from './problem.js';

const text = { type: 'string' };
const texts = { type: 'array', items: { type: 'string' }, 'x-expected': 'a list of texts' };
const milliseconds = { type: 'integer', minimum: 1, maximum: 3_600_000 };
const globs = {
  type: 'array',
  items: { type: 'string', minLength: 1 },
  'x-expected': 'a list of names or globs',
};

/** The conditions under which a hook runs; the same in a manifest and in bulkhead.yaml. */
export const CONDITIONS_SCHEMA: JsonSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    server_ids: { ...globs, description: 'Upstream servers.' },
    tenant_ids: { ...globs, description: 'Tenants.' },
    tools: { ...globs, description: 'Tools, as `echo` or `server/echo`.' },
    prompts: { ...globs, description: 'Prompts.' },
    resources: { ...globs, description: 'URIs of resources.' },
    agents: { ...globs, description: 'Agents.' },
    user_patterns: { ...globs, description: 'Ids or e-mail addresses of users.' },
    content_types: { ...globs, description: 'Content types; parameters and case are ignored.' },
  },
};

const hookDeclaration = {
  type: ['object', 'null'],
  additionalProperties: false,
  properties: {
    mode: {
      enum: ['sequential', 'transform', 'audit', 'concurrent', 'fire_and_forget'],
      description: 'The mode when the configuration names none. Default: `sequential`.',
    },
    priority: {
      type: 'integer',
      minimum: 0,
      maximum: 10_000,
      description: 'Ascending order inside a phase. Default: 100.',
    },
    conditions: { type: 'array', items: CONDITIONS_SCHEMA, description: 'When it runs. Default: always.' },
    timeout_ms: {
      ...milliseconds,
      description: "Deadline of one call. Default: the plugin's, then the host's.",
    },
  },
};

/** The JSON Schema (draft 2020-12) of a plugin's manifest. */
export const MANIFEST_SCHEMA: JsonSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Bulkhead plugin manifest',
  description:
    'plugin.yaml, plugin.yml, plugin.json or plugin.manifest.json at the root of a plugin package.',
  type: 'object',
  additionalProperties: false,
  required: ['id', 'name', 'version'],
  properties: {
    $schema: { ...text, description: 'For editors.' },
    id: {
      type: 'string',
      pattern: '^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?$',
      'x-expected': 'an id such as com.example.my-plugin (letters, digits, dots, dashes, underscores)',
      description: "Reverse-DNS, unique. Default: `<scope>.<name>` of the package, else the manifest's name.",
    },
    name: {
      type: 'string',
      minLength: 1,
      maxLength: 200,
      description:
        "Shown to people; also a name for bulkhead.yaml. Default: the package's name without its scope.",
    },
    version: {
      type: 'string',
      description: "SemVer; equals package.json's.",
      'x-expected': 'a version such as 1.2.0',
    },
    description: { ...text, description: 'One or two sentences for the catalogue.' },
    author: { type: ['string', 'object'], description: 'As in package.json.' },
    license: { ...text, description: 'SPDX identifier.' },
    keywords: { ...texts, description: 'For search.' },
    plugin_type: {
      enum: ['gateway', 'ai_studio', 'agent'],
      description: 'Optional; limits what may be contributed.',
    },
    entry: {
      type: 'string',
      minLength: 1,
      description:
        'Path of the entry module, relative to the package root. Default: `exports` of package.json.',
    },
    maturity: { enum: ['alpha', 'beta', 'stable', 'deprecated'], description: 'How far it is.' },
    migration_guide: {
      ...text,
      description: 'For a deprecated plugin: where to go from here, a path or an address.',
    },
    support: { enum: ['community', 'official'], description: 'Who answers questions.' },
    documentation: { enum: ['minimal', 'complete', 'examples'], description: 'How much of it there is.' },
    quality: {
      type: 'object',
      additionalProperties: false,
      description: 'What the author claims; shown as claimed until it is verified.',
      properties: {
        test_coverage: {
          anyOf: [
            { type: 'number', minimum: 0, maximum: 100 },
            { type: 'string', pattern: '^(?:100|[0-9]{1,2})(?:\\.[0-9]+)?\\s*%$' },
          ],
          'x-expected': 'a percentage such as 87 or "87%"',
          description: 'Percent: 87 or `87%`.',
        },
        security_audit: { ...text, description: 'Date of the last audit, or none, review, full.' },
        performance_benchmark: { ...text, description: 'For example `1.2ms avg`.' },
      },
    },
    capabilities: {
      anyOf: [texts, { type: 'object', additionalProperties: texts }],
      'x-expected': 'a list of labels, or a map of lists',
      description:
        'Free labels for search, for example content_filtering. A map of lists is read too: its values are the labels.',
    },
    hooks: {
      anyOf: [texts, { type: 'object', additionalProperties: hookDeclaration }],
      'x-expected':
        'a list of hook names, or a map from a hook name to {mode, priority, conditions, timeout_ms}',
      description:
        'The hooks that the code registers: a list of names, or a map from a name to what holds by default.',
    },
    instances: {
      enum: ['single', 'many'],
      default: 'single',
      description:
        '`many` when several processes may serve side by side; `single` when it keeps state in memory.',
    },
    permissions: {
      type: 'object',
      additionalProperties: false,
      description: 'What it asks for. An operator grants it, or less.',
      properties: {
        services: { ...texts, description: 'Scopes of the Service API, for example kv.read.' },
        network: {
          ...texts,
          description:
            'Hosts that it talks to, as host:port, or *.domain:port for every name below a domain.',
        },
        secrets: { ...texts, description: 'Names of secrets that it reads.' },
        context: {
          type: 'array',
          items: { enum: ['read_user', 'read_roles', 'read_claims', 'read_headers', 'write_headers'] },
          description: "What it sees of a request's context.",
        },
        filesystem: {
          type: 'array',
          description: 'Paths outside the package.',
          items: {
            type: 'object',
            additionalProperties: false,
            required: ['path'],
            properties: {
              path: text,
              access: { enum: ['ro', 'rw'], default: 'ro', description: 'Read, or read and write.' },
            },
          },
        },
        subprocess: { type: 'boolean', default: false, description: 'May start processes.' },
        plugins: { ...texts, description: 'Ids of plugins that it may configure.' },
        open_routes: {
          type: 'boolean',
          default: false,
          description: 'May contribute routes that need no credential.',
        },
      },
    },
    config_schema: {
      type: 'object',
      description:
        'JSON Schema of the configuration, by its own `$schema` (draft-07, 2019-09, 2020-12; 2020-12 when it names none).',
    },
    compat: {
      type: 'object',
      additionalProperties: false,
      description: 'What it needs of the host.',
      properties: {
        app: { ...text, description: 'SemVer range of the host.' },
        api: { ...texts, description: 'APIs of the host, for example hooks-v1.' },
        node: { ...text, description: 'SemVer range of Node.' },
      },
    },
    limits: {
      type: 'object',
      additionalProperties: false,
      description: "What it asks for; the operator's cap wins.",
      properties: {
        timeout_ms: { ...milliseconds, description: 'Deadline of one call.' },
        max_in_flight: {
          type: 'integer',
          minimum: 1,
          maximum: 100_000,
          description: 'Calls at the same time.',
        },
        memory_mb: { type: 'integer', minimum: 1, description: 'Memory, in MiB.' },
        cpu: { type: 'number', exclusiveMinimum: 0, description: 'Processors.' },
        processes: { type: 'integer', minimum: 1, description: 'Processes and threads.' },
        open_files: { type: 'integer', minimum: 1, description: 'Open files of one process.' },
        disk_mb: { type: 'integer', minimum: 1, description: 'Its data directory, in MiB.' },
      },
    },
    ...MANIFEST_CONTRIBUTIONS,
    ...MANIFEST_UI,
  },
};
