import { isPlainObject } from '@bulkhead/proto/rules';
import type { JsonSchema } from '@bulkhead/proto/rules/schema';
import { AUDIT_PROPERTIES } from './audit-section.js';
import { PLUGINS_SCHEMA } from './bulkhead-schema-plugins.js';
import { TOOLS_SCHEMA } from './bulkhead-schema-tools.js';
import { DATASOURCES_SCHEMA } from './datasources-section.js';
import { PLUGIN_UIDS } from './plugin-uids.js';
import { RESOURCE_LIMITS } from './resource-limits.js';
import { text, texts, textMap, ms, bytes, section, named } from './schema-parts.js';
import { SERVICE_BOUNDS } from './service-bounds.js';
import { SECRETS_PROPERTIES } from './secrets-section.js';
import { SERVICE_BUDGETS } from './service-budgets.js';

function listener(address: string, description: string): JsonSchema {
  return section(description, {
    address: { type: 'string', default: address, description: 'host:port; port 0 takes a free one.' },
    allowed_hosts: {
      ...texts,
      default: [],
      description: "Host names that Host and Origin may carry, besides loopback's own.",
    },
    behind_proxy: {
      type: 'boolean',
      default: false,
      description: 'A proxy in front ends TLS. Needed for an address that is not loopback.',
    },
    tls: { type: 'object', description: 'Comes with a later release.' },
    trusted_proxies: { ...texts, description: 'Comes with a later release.' },
  });
}

const app = {
  keys: {
    ...texts,
    description: 'Accepted keys: `${env:NAME}`, or `sha256:` and the hash in hex. A key in clear is refused.',
  },
  tenant_id: { ...text, description: 'The tenant of its requests.' },
  scopes: {
    ...texts,
    description: 'What it may use of routes of plugins that ask for scopes. Default: nothing of theirs.',
  },
  assert_context: {
    type: 'boolean',
    default: false,
    description: 'May say in POST /hooks who user and tenant are.',
  },
};

const customHook = {
  payload: { type: 'object', description: 'JSON Schema: an object with properties.' },
  writable: { ...texts, description: 'Members that a plugin may change. Default: all.' },
};

/** The JSON Schema (draft 2020-12) of bulkhead.yaml. What is written here is checked, filled in and documented. */
export const BULKHEAD_SCHEMA: JsonSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Bulkhead configuration',
  description: 'bulkhead.yaml and its overlays.',
  type: 'object',
  additionalProperties: false,
  properties: {
    $schema: { ...text, description: 'For editors.' },
    environment: {
      type: 'string',
      pattern: '^[a-z][a-z0-9-]{0,31}$',
      'x-expected': 'a name such as production or development',
      default: 'production',
      description:
        'Names the overlay `bulkhead.<environment>.yaml`. `development` relaxes what only hurts in production.',
    },
    host: section('The host itself. Relative paths count from the folder of bulkhead.yaml.', {
      data_dir: { ...text, default: './.bulkhead', description: 'State of the host.' },
      plugins_dir: { ...text, description: 'Installed plugins. Default: `plugins` in data_dir.' },
      cache_dir: { ...text, description: 'What can be made again. Default: `cache` in data_dir.' },
      sandbox: {
        enum: ['auto', 'strict', 'basic', 'off'],
        default: 'auto',
        description: 'The wall around plugin processes; `off` is refused in production.',
      },
      plugin_uids: section('Users of their own for plugins, where root runs the host.', PLUGIN_UIDS),
      env_allow: {
        ...texts,
        default: [],
        description: 'Environment variables that `${env:NAME}` may read for a plugin.',
      },
      drain_timeout_ms: ms(10_000, 'Longest wait for requests in flight when the host goes down.'),
      config_writes: {
        enum: ['allow', 'refuse'],
        default: 'allow',
        description:
          '`refuse`: files are the only source; what UI, API and command line would change is refused, and what they changed before is not read.',
      },
      limits: section(
        "What each plugin may use up at most, whatever its manifest asks; a plugin's own `limits` say it for that plugin.",
        RESOURCE_LIMITS,
      ),
    }),
    store: section(
      'Where the host keeps what it is given: grants, objects, keys and values, the audit log.',
      {
        url: {
          ...text,
          description:
            'Address of a PostgreSQL server that several hosts share, `postgres://user:${env:NAME}@host/database`. Default: the file `store/bulkhead.db` in data_dir.',
        },
      },
    ),
    log: section('Logging.', {
      level: {
        enum: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
        default: 'info',
        description: 'Lowest level that is written.',
      },
    }),
    listen: section('Where the host listens.', {
      data: listener('127.0.0.1:7410', 'Data plane: /mcp and /hooks.'),
      control: listener('127.0.0.1:7411', 'Control plane: /healthz and /readyz.'),
    }),
    limits: section('Bounds of requests.', {
      call_timeout_ms: ms(5_000, 'Deadline of a hook call where nothing says otherwise.'),
      max_payload_bytes: bytes(1_000_000, 'Largest JSON text of one payload field, in bytes.'),
      max_payload_bytes_by_hook: {
        type: 'object',
        default: {},
        additionalProperties: { type: 'integer', minimum: 1, maximum: 1_073_741_824 },
        description: 'Per hook, where it differs.',
      },
      audit_budget_ms: ms(50, 'How long a request waits for its `audit` plugins together.'),
      state_ttl_ms: ms(300_000, 'How long the state of a request id is kept.'),
      max_body_bytes: bytes(10_000_000, 'Largest body of an HTTP request.'),
    }),
    lifecycle: section('How plugin processes are kept running.', {
      start_timeout_ms: ms(15_000, 'From spawn to ready.'),
      health_interval_ms: ms(2_000, 'Between two health checks.'),
      health_timeout_ms: ms(1_000, 'For the answer to one.'),
      health_misses: {
        type: 'integer',
        minimum: 1,
        maximum: 100,
        default: 3,
        description: 'Missed answers in a row before the process is killed.',
      },
      backoff_initial_ms: ms(200, 'Before the first restart.'),
      backoff_max_ms: ms(30_000, 'Longest wait before a restart.'),
      crash_limit: {
        type: 'integer',
        minimum: 1,
        maximum: 1_000,
        default: 5,
        description: 'Crashes within the window before a plugin is quarantined.',
      },
      crash_window_ms: ms(60_000, 'That window.'),
      stop_drain_ms: ms(5_000, 'For a plugin to finish after Shutdown.'),
      stop_term_ms: ms(2_000, 'After SIGTERM.'),
      stop_kill_ms: ms(2_000, 'After SIGKILL.'),
    }),
    services: section('What plugins may ask of the host.', {
      limits: section(
        "How often one plugin may ask; a plugin's own `service_limits` say it for that plugin.",
        SERVICE_BUDGETS,
      ),
      ...SERVICE_BOUNDS,
      analytics: section('Usage of hooks, tools and the Service API, counted by the hour.', {
        keep_days: {
          type: 'integer',
          minimum: 1,
          maximum: 3_650,
          default: 90,
          description: 'How long counts are kept.',
        },
      }),
    }),
    audit: section('The audit log.', AUDIT_PROPERTIES),
    secrets: section('Where the key is that secrets are encrypted with.', SECRETS_PROPERTIES),
    link: section('The connection to a plugin process.', {
      mtls: {
        enum: ['auto', 'always', 'never'],
        default: 'auto',
        description: '`auto`: always over TCP, and on a socket where the sandbox is not strict.',
      },
      max_message_bytes: bytes(16_777_216, 'Largest message, both ways.'),
    }),
    policy: section('What this host insists on.', {
      fail_open: {
        enum: ['allow', 'forbid'],
        default: 'allow',
        description: '`forbid` refuses a plugin whose failure would let a request pass unchecked.',
      },
      min_maturity: {
        enum: ['alpha', 'beta', 'stable'],
        description:
          'Refuses plugins that are less mature. Default: none; in production one that is not stable is a notice.',
      },
      deny_as: {
        enum: ['error', 'result'],
        default: 'error',
        description: 'How a denial of a tool call looks through MCP.',
      },
      expose_violation_details: {
        type: 'boolean',
        default: false,
        description: "Shows a violation's details to the caller.",
      },
    }),
    install: section('How plugins are installed. `bulkhead plugin install` and the daemon read it.', {
      on_start: {
        enum: ['locked', 'never'],
        default: 'locked',
        description:
          '`locked`: the daemon makes the environment of an enabled, locked plugin that has none yet.',
      },
      sources: {
        type: 'object',
        additionalProperties: false,
        description: 'Where plugins may come from. Needed in production.',
        properties: {
          registries: { ...texts, description: 'Addresses of registries.' },
          scopes: { ...texts, description: 'npm scopes, with the @.' },
          folders: { ...texts, description: 'Folders and tarballs below these.' },
          publishers: {
            ...texts,
            description: 'Accounts that published the version, as the registry tells them.',
          },
        },
      },
      unrun_scripts: {
        ...texts,
        default: [],
        description: 'Dependencies that work although their install scripts are never run.',
      },
    }),
    mcp_servers: {
      type: 'object',
      default: {},
      propertyNames: { pattern: '^[A-Za-z0-9](?:[A-Za-z0-9-]|_(?=[A-Za-z0-9-])){0,62}$' },
      description:
        'Upstream MCP servers, by name; a name has no double underscore and does not end with one. Either a `command` or a `url`.',
      additionalProperties: {
        type: 'object',
        additionalProperties: false,
        properties: {
          enabled: { type: 'boolean', default: true, description: 'Whether it is used.' },
          command: { type: 'string', minLength: 1, description: 'Program to run and talk to over stdio.' },
          args: { ...texts, description: 'Its arguments.' },
          env: { ...textMap, description: 'Its environment variables, besides PATH and the like.' },
          cwd: { ...text, description: 'Its working directory. Default: the folder of bulkhead.yaml.' },
          url: {
            type: 'string',
            format: 'uri',
            pattern: '^https?://',
            'x-expected': 'an http or https address',
            description: 'Address of a Streamable HTTP server.',
          },
          headers: { ...textMap, description: 'Headers sent with each request.' },
          start_timeout_ms: ms(15_000, 'From start to initialized.'),
          call_timeout_ms: ms(60_000, 'For one call, from its last progress.'),
        },
      },
    },
    datasources: DATASOURCES_SCHEMA,
    tools: TOOLS_SCHEMA,
    apps: named('id', app, ['keys'], 'Clients of the data plane and their keys, by id.'),
    custom_hooks: named(
      'name',
      customHook,
      ['payload'],
      'Hooks of your own, by name, with the JSON Schemas of their payloads.',
    ),
    plugins: PLUGINS_SCHEMA,
  },
};

/** bulkhead.schema.json: the schema as text, for editors. */
export function configSchema(): string {
  return `${JSON.stringify(BULKHEAD_SCHEMA, null, 2)}\n`;
}

/** The schema of some sections alone; the others may be anything. */
export function schemaOfSections(names: readonly string[]): JsonSchema {
  const { $schema, properties } = BULKHEAD_SCHEMA;
  const sections = Object.entries(isPlainObject(properties) ? properties : {});
  return {
    $schema,
    type: 'object',
    properties: Object.fromEntries(sections.filter(([key]) => names.includes(key))),
  };
}
