import {
  FILTER_FIELDS,
  OBJECT_HOOKS,
  OBJECT_SCHEMAS,
  OBJECT_TYPES,
  UNIQUE_FIELD,
  type ObjectType,
} from '@bulkhead/proto/rules';
import { renderSchemaTable } from '../manifest/schema-table.js';
import { MAX_HOOK_DEPTH } from './hook-depth.js';

/** docs/objects.md, from the schemas of the objects. */
export function renderObjectDocs(): string {
  return `# Objects

<!-- Generated from proto/rules/objects/schemas.ts and host/objects/render-docs.ts: npm test -- host/objects/docs -u -->

LLMs, data sources, tools, users and apps live in the host's store. Operators change them over REST, plugins over the Service
API ([scopes.md](scopes.md)), and whatever the way, the same checks and the same hooks of plugins run.

## Over REST

\`/api/v1/{llms,datasources,tools,users,apps}\` on the control plane; \`GET /api/v1/openapi.json\` describes all of it. Reading
needs the role viewer; changing llms, data sources and tools needs operator, changing users and apps admin.

| request | answer |
| --- | --- |
| \`GET /llms?vendor=openai&page_size=50&page_token=…\` | \`{items, next_page_token}\`; a page that is followed loses and repeats nothing while others write. It has up to 1,000 objects, and ends sooner at 4 MB |
| \`GET /llms/<id>\` | the object; its etag in \`ETag\` |
| \`POST /llms\` | 201 and \`Location\` |
| \`PUT /llms/<id>\` | replaces the whole object |
| \`PATCH /llms/<id>\` | JSON Merge Patch (RFC 7396): maps by key, null removes |
| \`DELETE /llms/<id>\` | 204 |

\`If-Match: "<etag>"\` makes a change only over the version that was seen, else 412 CONFLICT. Without it the change is made over
whatever is there. \`?dry_run=true\` runs every check and the before hooks, answers what would be, and writes nothing. What is
not valid is 400 with all \`problems\` at once, what is taken 409 ALREADY_EXISTS, what a plugin denies 422 with its reason and
\`violation\`, and while a plugin that guards the object is down 503.

## Secrets

What the schema marks \`writeOnly\` is encrypted in the store and never in an answer: it reads \`[redacted]\`. What comes
back so stays as it was, so an object can be read, changed and written again. Plugins see secrets with the scope
\`objects.secrets\` only. A secret that came back redacted is not sent to a server that it was not sent to before: whoever names
another endpoint writes the secret with it.
Credentials of users and keys of apps are kept as SHA-256 hashes only, and each belongs to one object.
The hash in a list reads \`[redacted:1]\`, \`[redacted:2]\`, …; leave one out to revoke that credential, add new ones under
\`credentials\` or \`keys\`.

## Hooks of plugins

A plugin declares \`object_hooks\` in its manifest: ${OBJECT_HOOKS.map((hook) => `\`${hook}\``).join(', ')} on any of
${OBJECT_TYPES.map((type) => `\`${type}\``).join(', ')}. Those that run are granted, each by itself, like every other permission
([grants.md](grants.md)): \`bulkhead plugin install\` shows them, and a hook that is not granted is never called. For a plugin whose
manifest does not speak of them an operator lists those that may run under \`object_hooks\` of its entry, and that is the consent;
without it a plugin that registers some does not start. A hook that waits for its plugin when its grant is taken back is given up.

1. The object is checked: schema, uniqueness, references.
2. Each \`before_*\` hook runs, by ascending priority, then in the order of the configuration. It may deny with a reason, and
   before create and update change the object; the next one sees the change. The object is checked again after each change.
3. Object, audit row, event \`system.<object>.<created|updated|deleted>\` and the pending \`after_*\` runs are written together:
   all of it stands, or nothing.
4. Each \`after_*\` hook runs. It never holds up or undoes the change.

| | |
| --- | --- |
| deadline | 5 s for each hook |
| a before hook fails | \`on_error: fail\` (default) refuses the change; \`ignore\` goes on without it; \`disable\` too, and takes the plugin out of rotation. A plugin with before hooks that refuses so is a guard: the host does not start without it |
| modes | \`sequential\` denies and changes; \`transform\` changes; \`concurrent\` denies; \`audit\` and \`fire_and_forget\` do neither, and what they ask for is recorded; \`disabled\` does not run. An entry's own \`mode\` decides; modes of single hooks do not |
| after hooks | at least once each, also when the host is killed, by whichever host is there then; in order for one object and plugin. \`operation_id\` is the same for the before and after hooks of a change and for each repetition. A failed run is repeated after 1 s, 5 s, 30 s, 2 min and 10 min, then given up and audited (\`object_hook.given_up\`, with the code and the reason); so is one whose object holds a secret that does not open, and neither keeps the plugin's runs for other objects waiting. One whose plugin is down waits for it, up to a day |
| notes | what a hook writes to \`metadata\` lands under \`metadata["plugin:<id>"]\`: up to 64 Ki characters for each plugin and object. No plugin writes another's, nobody else's change removes them, and the etag stays |
| own writes | a plugin's change does not call its own hooks; hooks that change objects whose hooks change objects end at ${String(MAX_HOOK_DEPTH)} |
| dry run | before hooks run with \`dry_run\`; after hooks do not |
| secrets | redacted without \`objects.secrets\`; who asks (\`user_id\`) is told with \`read_user\` only |

Priorities: 0 to 10 for critical validation, 11 to 50 for business rules, 51 to 100 for enrichment.

## Apps at the gateway

The keys of stored apps are accepted beside those of \`apps\` in bulkhead.yaml. \`active: false\`, on the app or on its user, refuses
the next request on every host (FORBIDDEN). \`allowed.tools\` decides what \`tools/list\` shows and \`tools/call\` runs under \`/mcp\`.
Past \`rate_limit\` a request is 429 RATE_LIMITED with \`retry-after\`; each host counts for itself: every request but the streams of MCP sessions, and each message of a batch.

${OBJECT_TYPES.map(renderType).join('\n\n')}
`;
}

function renderType(type: ObjectType): string {
  const schema = OBJECT_SCHEMAS[type];
  const unique = UNIQUE_FIELD[type];
  const filters = FILTER_FIELDS[type].map((field) => `\`${field}\``).join(', ');
  return `## ${type}

${String(schema['description'])} Lists filter by ${filters}.${unique === undefined ? '' : ` \`${unique}\` is unique.`}

${renderSchemaTable(schema)}${type === 'datasource' ? DATASOURCE_RULES : ''}`;
}

/** What a table of fields does not say. */
const DATASOURCE_RULES = `

Whoever may write data sources, an operator or a plugin with \`datasources.write\`, says where the host asks; where it goes at all
is the operator's:

- **sqlite**: the file lies directly in \`<data_dir>/datasources\`, or in a folder that \`datasources.sqlite_folders\` lists; not in a
  folder below, and links are followed first. Nothing else of the data directory is opened, nor a file with a second name (hard link).
- **postgres**: the URL names host and user. Of its parameters \`sslmode\` (\`disable\`, \`no-verify\`, \`require\`, \`verify-ca\`,
  \`verify-full\`; the last three check the certificate with the certificates that Node brings along), \`application_name\`,
  \`connect_timeout\` and \`options\` are taken; sockets and files are not, and nothing comes from the host's environment.
- **http_json**: public addresses, and what \`datasources.allow_private\` opens. A redirect is followed to the same origin only, and
  only of GET. An answer has at most 4 MiB. \`row_schema\` is asked of the rows that are given.

Queries run in processes of the host's own, at most six: two queries of one source and three of one plugin at once, others wait for
their turn within their time. A process has no environment, little memory (a row of any size is \`QUOTA_EXCEEDED\`), gives way to
the host, and is killed with a query whose time is over. The rows of an answer have at most 8 MiB together.
`;
