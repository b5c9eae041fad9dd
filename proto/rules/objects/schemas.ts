import type { ObjectType } from '../contributions.js';
import type { JsonSchema } from '../schema/problem.js';
import {
  clearCredentials,
  flag,
  hashes,
  line,
  lines,
  objectSchema,
  oneOf,
  schemaOf,
  secret,
  secretHeaders,
  text,
} from './schema-parts.js';

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
const TEMPLATE = 'URL with `{parameter}` places in its path or query.';

const llm = objectSchema('LLM', 'A model provider that the gateway knows.', ['name', 'slug', 'vendor'], {
  name: line('What people call it.'),
  slug: {
    type: 'string',
    pattern: '^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$',
    'x-expected': '1 to 64 lower-case letters, digits and hyphens',
    description: 'Names it in paths; unique.',
  },
  description: text('For people.'),
  vendor: line('Who makes it, for example `openai`.'),
  endpoint: text("Base URL of its API; default: the vendor's own."),
  api_key: secret('Sent to the provider.'),
  models: lines('Models that may be asked for; empty allows every one.'),
  default_model: line('Asked when a request names none; one of `models` where there are any.'),
});

const datasource = objectSchema('Datasource', 'Where data can be asked for.', ['name', 'kind'], {
  name: line('What people call it.'),
  description: text('For people.'),
  kind: oneOf(['sqlite', 'postgres', 'http_json'], 'What it is.'),
  path: text(
    'Of sqlite: absolute path of the file, which lies directly in a folder that the host opens to data sources.',
  ),
  url: secret(
    'Of postgres: `postgres://user:password@host:port/database`, with `sslmode`, `application_name`, `connect_timeout` and `options` where wanted.',
  ),
  http: {
    type: 'object',
    additionalProperties: false,
    required: ['url_template'],
    description: 'Of http_json: how rows are fetched.',
    properties: {
      method: { ...oneOf(['GET', 'POST'], 'Method of the request.'), default: 'GET' },
      url_template: text(TEMPLATE),
      headers: secretHeaders('Sent with each request.'),
      rows_pointer: {
        type: 'string',
        pattern: '^(?:/(?:[^/~]|~[01])*)*$',
        maxLength: 1_024,
        default: '',
        'x-expected': 'a JSON Pointer',
        description: 'JSON Pointer to the list of rows in the answer; empty: the answer itself.',
      },
      row_schema: schemaOf('JSON Schema of a row; default: not checked.'),
    },
  },
  read_only: flag(true, 'Whether statements that change something are refused.'),
  max_rows: {
    type: 'integer',
    minimum: 1,
    maximum: 100_000,
    default: 1_000,
    description: 'Most rows that one query gives.',
  },
  timeout_ms: {
    type: 'integer',
    minimum: 1,
    maximum: 60_000,
    default: 5_000,
    description: 'Longest query, in milliseconds.',
  },
});

const tool = objectSchema('Tool', 'Operations that agents and plugins may run.', ['name', 'kind'], {
  name: line('What people call it.'),
  description: text('For people and models.'),
  kind: oneOf(['mcp', 'http', 'plugin'], 'Who runs it.'),
  server: line('Of mcp: the upstream server, by its name in the configuration.'),
  plugin: line('Of plugin: the entry, by its name in the configuration.'),
  headers: secretHeaders('Of http: sent with each request.'),
  operations: {
    type: 'array',
    maxItems: 200,
    default: [],
    'x-expected': 'a list of operations',
    description: 'What it can do; names are unique.',
    items: {
      type: 'object',
      additionalProperties: false,
      required: ['name'],
      properties: {
        name: {
          type: 'string',
          pattern: '^[A-Za-z_][A-Za-z0-9_.-]{0,127}$',
          'x-expected': '1 to 128 letters, digits, dots, hyphens and underscores',
          description: 'Names it in its tool.',
        },
        description: text('For people and models.'),
        target: line("Of mcp and plugin: the tool's own name there; default: the operation's."),
        method: oneOf(METHODS, 'Of http.'),
        url_template: text(`Of http: ${TEMPLATE} Each place is a property of \`input_schema\`.`),
        input_schema: schemaOf('JSON Schema of the arguments.'),
        output_schema: schemaOf('JSON Schema of the result; default: not checked.'),
        effect: {
          ...oneOf(['read_only', 'state_changing'], 'Whether a run changes something.'),
          default: 'state_changing',
        },
      },
    },
  },
});

const user = objectSchema('User', 'A person or system on whose behalf apps call.', ['email'], {
  email: {
    type: 'string',
    format: 'email',
    maxLength: 254,
    'x-expected': 'an e-mail address',
    description: 'Unique, without regard to case.',
  },
  name: line('What people call them.'),
  team: line('Their team.'),
  groups: lines('Groups that they are in.'),
  roles: lines('Roles that they have.'),
  credential_hashes: hashes(
    'Hashes of their credentials. An update without this key keeps them; an empty list removes them.',
  ),
  credentials: clearCredentials('New credentials in clear: added, and kept as hashes only.'),
});

const allowed = (what: string): JsonSchema => lines(`Ids of ${what}; \`*\` allows every one.`);

const app = objectSchema('App', 'A program that calls the gateway with a key of its own.', ['name'], {
  name: line('What people call it.'),
  description: text('For people.'),
  user_id: line('The user that it belongs to.'),
  tenant_id: line('The tenant of its requests.'),
  assert_context: flag(false, 'Whether it may say in POST /hooks who user and tenant are.'),
  allowed: {
    type: 'object',
    additionalProperties: false,
    default: {},
    description: 'What it may use; nothing by default.',
    properties: {
      llms: allowed('llms'),
      tools: lines(
        'Ids of tools, or `server/tool` for a tool of an upstream server and `server/*` for all of them; `*` allows every one.',
      ),
      datasources: allowed('datasources'),
    },
  },
  budget: {
    type: 'object',
    additionalProperties: false,
    required: ['amount', 'period'],
    description: 'What it may spend.',
    properties: {
      amount: { type: 'number', exclusiveMinimum: 0, description: 'In US dollars.' },
      period: oneOf(['day', 'week', 'month'], 'After which the amount is there again.'),
    },
  },
  rate_limit: {
    type: 'object',
    additionalProperties: false,
    required: ['requests', 'per'],
    description: 'How often it may call; default: as often as it likes.',
    properties: {
      requests: { type: 'integer', minimum: 1, maximum: 1_000_000_000, description: 'Requests.' },
      per: oneOf(['second', 'minute', 'hour', 'day'], 'In what time.'),
    },
  },
  key_hashes: hashes(
    'Hashes of its keys. An update without this key keeps them; an empty list removes them.',
  ),
  keys: clearCredentials('New keys in clear: added, and kept as hashes only.'),
});

/** The JSON Schema (draft 2020-12) of each object. `writeOnly` marks what is secret, `readOnly` what the host writes. */
export const OBJECT_SCHEMAS: Readonly<Record<ObjectType, JsonSchema>> = {
  llm,
  datasource,
  tool,
  user,
  app,
};

/** What a list can be filtered by: fields with one text, and `active`. */
export const FILTER_FIELDS: Readonly<Record<ObjectType, readonly string[]>> = {
  llm: ['name', 'slug', 'vendor', 'active'],
  datasource: ['name', 'kind', 'active'],
  tool: ['name', 'kind', 'server', 'plugin', 'active'],
  user: ['email', 'name', 'team', 'active'],
  app: ['name', 'user_id', 'tenant_id', 'active'],
};

/** The field by which an object is unique among those of its type, besides its id. */
export const UNIQUE_FIELD: Readonly<Partial<Record<ObjectType, string>>> = { llm: 'slug', user: 'email' };

/** Where credentials are kept as hashes, and the key under which they come in clear. */
export const CREDENTIAL_FIELDS: Readonly<
  Partial<Record<ObjectType, { readonly hashes: string; readonly clear: string }>>
> = {
  user: { hashes: 'credential_hashes', clear: 'credentials' },
  app: { hashes: 'key_hashes', clear: 'keys' },
};
