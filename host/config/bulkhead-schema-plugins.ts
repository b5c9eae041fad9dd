import {
  CONDITIONS_SCHEMA,
  CONTEXT_PERMISSIONS,
  SCOPES,
  type JsonSchema,
} from '@bulkhead/proto/rules/schema';
import { DEFAULT_OBJECT_HOOK_PRIORITY, ENTRY_NAME, OBJECT_HOOKS, OBJECT_TYPES } from '@bulkhead/proto/rules';
import { MODES, MODE_ALIASES } from './modes.js';
import { OWN_LIMITS } from './resource-limits.js';
import { OWN_SERVICE_BUDGETS } from './service-budgets.js';

const text = { type: 'string' };
const texts = { type: 'array', items: text, 'x-expected': 'a list of texts' };
const textMap = { type: 'object', additionalProperties: text };
const milliseconds = { type: 'integer', minimum: 1, maximum: 3_600_000 };
const priority = { type: 'integer', minimum: 0, maximum: 10_000 };
const mode = { enum: [...MODES, ...Object.keys(MODE_ALIASES)] };

const conditions = {
  anyOf: [{ type: 'array', items: CONDITIONS_SCHEMA }, CONDITIONS_SCHEMA],
  'x-expected': 'a list of conditions, or one',
};

const hook = {
  type: 'object',
  additionalProperties: false,
  properties: {
    mode: { ...mode, description: 'Mode for this hook.' },
    priority: { ...priority, description: 'Priority for this hook.' },
    timeout_ms: { ...milliseconds, description: 'Deadline of one call of this hook.' },
    conditions: { ...conditions, description: 'When it runs on this hook; instead of those of the entry.' },
    fields: {
      ...texts,
      description: 'JSON pointers into args or result, or `*`: what the plugin receives and may change.',
    },
    batch: {
      type: 'object',
      additionalProperties: false,
      required: ['max'],
      description: 'Only for fire_and_forget: calls are handed over together.',
      properties: {
        max: { type: 'integer', minimum: 1, maximum: 10_000, description: 'Calls in a batch.' },
        max_wait_ms: { ...milliseconds, default: 1_000, description: 'Longest wait for a full batch.' },
      },
    },
    idempotent: {
      type: 'boolean',
      default: false,
      description: 'The call may be repeated once on another process when the first one died.',
    },
    tools: {
      type: 'array',
      minItems: 1,
      description: 'Older form of conditions and fields.',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['tool_name'],
        properties: { tool_name: { type: 'string', minLength: 1 }, fields: texts },
      },
    },
  },
};

const OBJECT_HOOK_NAMES = `^(?:${OBJECT_TYPES.join('|')}|[*])[.](?:${OBJECT_HOOKS.join('|')}|[*])$`;
const OBJECT_HOOK_EXPECTED = `<object>.<hook>, where the object is ${OBJECT_TYPES.join(', ')} or *, and the hook is ${OBJECT_HOOKS.join(', ')} or *`;

const entryProperties = {
  enabled: { type: 'boolean', default: true, description: 'Whether it runs.' },
  plugin: {
    ...text,
    minLength: 1,
    description:
      "Which plugin: an id, a package name, a manifest's name, or a directory that starts with ./, ../ or /. Default: the entry's name.",
  },
  kind: {
    ...text,
    minLength: 1,
    description: 'The same as `plugin`; class names of other hosts are read too.',
  },
  mode: {
    ...mode,
    description: 'How it runs on each hook. Default: what the manifest says, else `sequential`.',
  },
  priority: {
    ...priority,
    description: 'Ascending order inside a phase. Default: what the manifest says, else 100.',
  },
  on_error: {
    enum: ['fail', 'ignore', 'disable'],
    default: 'fail',
    description:
      'What an error of the plugin does: refuse the request, nothing, or take the plugin out of rotation.',
  },
  timeout_ms: {
    ...milliseconds,
    description: "Deadline of one call. Default: the manifest's, else `limits.call_timeout_ms`.",
  },
  hooks: {
    anyOf: [texts, { type: 'object', additionalProperties: { ...hook, type: ['object', 'null'] } }],
    'x-expected':
      'a list of hook names, or a map from a hook name to {mode, priority, timeout_ms, conditions, fields, batch, idempotent}',
    description:
      'Which of its hooks run: a list, or a map from a name to what differs. Default: all that the manifest declares.',
  },
  object_hooks: {
    type: 'array',
    'x-expected': 'a list of {object, hooks, priority}',
    description:
      'Hooks on objects that its code registers and its manifest says nothing of: those that are listed here run. Where the manifest declares them, they are granted (`grants.object_hooks`).',
    items: {
      type: 'object',
      additionalProperties: false,
      required: ['object', 'hooks'],
      properties: {
        object: { enum: OBJECT_TYPES, description: 'On which objects.' },
        hooks: { type: 'array', items: { enum: OBJECT_HOOKS }, description: 'Which hooks.' },
        priority: {
          ...priority,
          default: DEFAULT_OBJECT_HOOK_PRIORITY,
          description: 'Ascending order; equal ones in configuration order.',
        },
      },
    },
  },
  conditions: { ...conditions, description: 'When it runs. Default: what the manifest says, else always.' },
  config: { type: 'object', description: "The plugin's own configuration, by the schema in its manifest." },
  instances: {
    type: 'integer',
    minimum: 1,
    maximum: 64,
    default: 1,
    description: 'Processes side by side; more than one only when the manifest says `instances: many`.',
  },
  env: { ...textMap, description: 'Environment variables that its process gets.' },
  network_private: {
    ...texts,
    description:
      'Where its network grant may lead outside the public internet: names, addresses, or ranges such as 10.0.0.0/8. Default: nowhere.',
  },
  network: { enum: ['unix', 'tcp'], default: 'unix', description: 'How the host reaches its process.' },
  command: {
    anyOf: [
      { type: 'string', minLength: 1 },
      { type: 'array', minItems: 1, items: text },
    ],
    'x-expected': 'a program, or a list of a program and its arguments',
    description:
      'A program to run instead of the package: a path, a file:// address, or a list with arguments. No shell.',
  },
  address: {
    ...text,
    minLength: 1,
    description:
      'Where it runs, when the host does not start it: grpcs://host:port. grpc://, which is plaintext, only to loopback and in `environment: development`.',
  },
  tls: {
    type: 'object',
    additionalProperties: false,
    required: ['cert', 'key'],
    description: 'For `address`: `ca` or `fingerprint`, and the certificate that the host shows. PEM files.',
    properties: {
      ca: {
        ...text,
        minLength: 1,
        description: "Who signs the plugin's certificate; it must carry the address's name.",
      },
      fingerprint: { ...text, description: "SHA-256 of the plugin's own certificate, in hex." },
      cert: { ...text, minLength: 1, description: "The host's certificate." },
      key: { ...text, minLength: 1, description: 'Its key.' },
    },
  },
  limits: {
    type: 'object',
    additionalProperties: false,
    description: 'What it may use up, whatever its manifest asks and `host.limits` says.',
    properties: OWN_LIMITS,
  },
  service_limits: {
    type: 'object',
    additionalProperties: false,
    description: 'How often it may ask the host, whatever `services.limits` says.',
    properties: OWN_SERVICE_BUDGETS,
  },
  max_in_flight: {
    type: 'integer',
    minimum: 1,
    maximum: 100_000,
    description: "Calls at the same time per process. Default: the manifest's, else 256.",
  },
  max_queue: {
    type: 'integer',
    minimum: 0,
    maximum: 100_000,
    default: 1_024,
    description: 'Calls that wait for their turn; one more is an error at once.',
  },
  grants: {
    type: 'object',
    additionalProperties: false,
    description:
      'What it may do, of what its manifest asks. A kind that is not named here: what `bulkhead plugin grants` decided; where that decided nothing, none, except that in `environment: development` a directory gets what it asks for.',
    properties: {
      context: {
        type: 'array',
        items: { enum: Object.keys(CONTEXT_PERMISSIONS) },
        description: 'Parts of the context that it sees.',
      },
      scopes: {
        type: 'array',
        items: { enum: Object.keys(SCOPES) },
        description: 'Scopes of the Service API.',
      },
      network: { ...texts, description: 'What it may talk to, as host:port.' },
      secrets: { ...texts, description: 'Names of secrets that it may read.' },
      filesystem: {
        type: 'array',
        description: 'Paths outside its package.',
        items: {
          type: 'object',
          additionalProperties: false,
          required: ['path'],
          properties: {
            path: { ...text, minLength: 1, description: 'Absolute.' },
            access: { enum: ['ro', 'rw'], default: 'ro', description: 'Read, or read and write.' },
          },
        },
      },
      subprocess: { type: 'boolean', description: 'Whether it may start processes.' },
      plugins: { ...texts, description: 'Ids of plugins that it may configure.' },
      open_routes: {
        type: 'boolean',
        description: 'Whether its routes may be open to callers without a credential.',
      },
      object_hooks: {
        type: 'array',
        items: { type: 'string', pattern: OBJECT_HOOK_NAMES, 'x-expected': OBJECT_HOOK_EXPECTED },
        description:
          'Which of the object hooks that its manifest declares run: `llm.before_create`, `llm.*` for all on LLMs, `*.*` for all.',
      },
    },
  },
  log_level: {
    enum: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    description: 'Default: `log.level`.',
  },
  description: { ...text, description: 'For people.' },
  hook_type: { ...text, description: 'Older form of `hooks` with one name.' },
  plugin_type: {
    enum: ['gateway', 'ai_studio', 'agent'],
    description: 'Older form; what the manifest says counts.',
  },
  is_active: { type: 'boolean', description: 'Older form of `enabled`.' },
};

const entry = { type: 'object', additionalProperties: false, properties: entryProperties };

/** `plugins:` of bulkhead.yaml, in both forms. */
export const PLUGINS_SCHEMA: JsonSchema = {
  anyOf: [
    { type: 'object', propertyNames: { pattern: ENTRY_NAME }, additionalProperties: entry },
    {
      type: 'array',
      items: {
        ...entry,
        properties: {
          name: { type: 'string', description: "The entry's name." },
          slug: { type: 'string', description: "Older form: the entry's name, where `name` is for people." },
          ...entryProperties,
        },
        anyOf: [{ required: ['name'] }, { required: ['slug'] }],
      },
    },
  ],
  'x-expected': 'a map from an entry name to its settings, or a list of entries with a name',
  description:
    'The plugins that run, in the order in which they run where priorities are equal: a map by entry name, or a list of entries with `name`.',
};
