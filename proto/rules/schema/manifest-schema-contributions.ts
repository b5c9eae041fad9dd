import { OBJECT_HOOKS, OBJECT_TYPES } from '../contributions.js';

const text = { type: 'string' };
const texts = { type: 'array', items: { type: 'string' }, 'x-expected': 'a list of texts' };
const name = { type: 'string', minLength: 1 };
const schema = { type: 'object' };
/** What may stand in an address and in the name of an MCP tool. */
const plainName = {
  type: 'string',
  pattern: '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$',
  'x-expected': 'up to 64 letters, digits, dots, dashes and underscores',
};

function record(
  required: readonly string[],
  properties: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return { type: 'object', additionalProperties: false, required, properties };
}

const customHook = {
  payload: { ...schema, description: 'JSON Schema: an object with properties.' },
  writable: { ...texts, description: 'Members that a plugin may change. Default: all.' },
};

const resourceTypes = {
  type: 'array',
  description: 'Resource types that take part in the creation of apps.',
  items: record(['slug', 'name'], {
    slug: { ...name, description: 'Unique per plugin.' },
    name: { ...name, description: 'Shown in the form of an app.' },
    description: text,
    icon: text,
    has_privacy_score: { type: 'boolean', default: false, description: 'Instances carry privacy scores.' },
    supports_submissions: {
      type: 'boolean',
      default: false,
      description: 'Community users may submit instances.',
    },
    form_component: record(['tag', 'entry_point'], { tag: name, entry_point: name }),
  }),
};

/** The part of the manifest's schema that says what a plugin adds beyond hooks. */
export const MANIFEST_CONTRIBUTIONS: Readonly<Record<string, unknown>> = {
  object_hooks: {
    type: 'array',
    description: 'Hooks on the creation, update and deletion of objects.',
    items: record(['object', 'hooks'], {
      object: { enum: OBJECT_TYPES },
      hooks: {
        type: 'array',
        items: {
          enum: OBJECT_HOOKS,
        },
      },
      priority: {
        type: 'integer',
        minimum: 0,
        maximum: 10_000,
        description: '0-10 critical validation, 11-50 business rules, 51-100 enrichment. Default: 100.',
      },
    }),
  },
  contributes: {
    type: 'object',
    additionalProperties: false,
    description: 'What it adds to the host.',
    properties: {
      tools: {
        type: 'array',
        description: 'Tools with typed input and output.',
        items: record(['name', 'input'], {
          name: plainName,
          description: text,
          input: schema,
          output: schema,
          effect: { enum: ['read_only', 'state_changing'], default: 'state_changing' },
        }),
      },
      commands: {
        type: 'array',
        description: 'Slash commands.',
        items: record(['name'], { name: plainName, description: text, input: schema }),
      },
      routes: {
        type: 'array',
        description: 'HTTP routes under /plugins/<id>/.',
        items: record(['path', 'methods'], {
          path: {
            type: 'string',
            pattern: "^(?:/|(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@-]+|\\{[A-Za-z_][A-Za-z0-9_]*\\}))+)$",
            'x-expected': 'a path such as /orders/{id}, each part plain text or a place',
          },
          methods: {
            type: 'array',
            minItems: 1,
            items: { enum: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] },
          },
          auth: { enum: ['app', 'none'], default: 'app' },
          scopes: texts,
          max_body_bytes: { type: 'integer', minimum: 0 },
          timeout_ms: { type: 'integer', minimum: 1 },
        }),
      },
      mcp_servers: {
        type: 'object',
        description:
          'MCP servers, by name: those with a `command` run in processes of their own, those with a `url` are reached under the network grant.',
        additionalProperties: record([], {
          command: name,
          args: texts,
          env: { type: 'object', additionalProperties: text },
          url: name,
          headers: { type: 'object', additionalProperties: text },
        }),
      },
      schedules: {
        type: 'array',
        description: 'Work at set times.',
        items: record(['name', 'cron'], {
          name,
          cron: name,
          timezone: text,
          timeout_ms: { type: 'integer', minimum: 1 },
          retry: {
            type: 'boolean',
            default: false,
            description: 'A run that a crash cut short is repeated.',
          },
          missed: {
            enum: ['skip', 'once'],
            default: 'skip',
            description: 'Fires that were missed while no host ran: none of them runs, or one for all.',
          },
        }),
      },
      custom_hooks: {
        anyOf: [
          { type: 'array', items: record(['name', 'payload'], { name, ...customHook }) },
          { type: 'object', additionalProperties: record(['payload'], customHook) },
        ],
        'x-expected': 'a list of {name, payload, writable}, or a map from name to {payload, writable}',
        description: 'Hooks of its own, with the JSON Schemas of their payloads.',
      },
      resource_types: resourceTypes,
    },
  },
  resource_types: resourceTypes,
};
