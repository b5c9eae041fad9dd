import { renderSchemaTable } from '../manifest/schema-table.js';
import { BULKHEAD_SCHEMA } from './bulkhead-schema.js';
import { MODE_ALIASES } from './modes.js';

/** docs/configuration.md, from the schema that checks the configuration. */
export function renderConfigDocs(): string {
  const modes = Object.entries(MODE_ALIASES).map(
    ([alias, { mode, onError }]) =>
      `\`${alias}\` is \`${mode}\`${onError === undefined ? '' : ` with \`on_error: ${onError}\``}`,
  );
  return `# Configuration

<!-- Generated from host/config/bulkhead-schema.ts. Change that or render-docs.ts, then: vitest run host/config/docs.test.ts -u -->

\`\`\`yaml
plugins:
  pii_filter: { enabled: true }
\`\`\`

is a whole configuration: everything else has a default. \`bulkhead config check\` tells every fault at once, each with file,
line, key, what was expected and what came; the daemon does not start with one, and a reload with one keeps what runs.
\`bulkhead config explain <entry>\` prints every effective value with where it came from. For completion in an editor, start
the file with \`# yaml-language-server: $schema=./bulkhead.schema.json\`; \`bulkhead config schema\` prints that schema.

## Layers

Later ones win:

1. defaults, of this schema and of the plugin's \`config_schema\`
2. the plugin's manifest: modes, priorities, conditions, deadlines
3. \`config.yaml\`, \`config.yml\` or \`config.json\` that the plugin's package ships: values for its \`config\`
4. \`bulkhead.yaml\`
5. \`bulkhead.<environment>.yaml\` beside it
6. the operator's file for one plugin, \`<data_dir>/config/<plugin id>/config.yaml\` (or yml, json): values for its \`config\`
7. the store: what UI, API or a plugin set of an entry, with who and when; \`bulkhead config pull\` prints it as YAML, and
   \`host.config_writes: refuse\` makes files the only source
8. options of \`bulkhead start\`, which only say where things are

Maps merge by key, a list replaces a list, \`null\` removes what earlier layers said, defaults included. A \`null\` under
\`plugins\` that removes nothing is an error: write \`{}\` for all defaults.

## Without a file

\`PATCH /api/v1/config/plugins/<entry>\` (role admin) changes one entry in the store's layer, after the same checks as a file's, and
every host on the store applies it:

\`\`\`json
{ "set": { "priority": 20, "config": { "level": "high", "words": null } }, "reset": [["config", "token"]] }
\`\`\`

\`set\` is merged as a layer is; \`reset\` forgets what was set at a place and below, so that the files count again, and \`[[]]\` all of the
entry. \`If-Match\` with the \`ETag\` of an earlier answer makes it a CONFLICT when somebody else was faster. \`GET\` on the same path tells
what is set, by whom and when, and every value in force. What would run a program, reach elsewhere or read the environment
(\`command\`, \`address\`, \`tls\`, \`env\`, \`network\`, a directory as \`plugin\`) and \`grants\` stay with the files and with \`bulkhead plugin grants\`.

What an operator sets may hold references; what a plugin sets (it needs the scope \`plugins.write\`, and may set \`config\` or add an
entry that waits to be enabled) is text. When something that was set keeps the daemon from starting, \`host.config_writes: refuse\` starts
it without.

## Which plugin an entry means

The entry's name, or what \`plugin:\` or \`kind:\` says, is compared with ids, package names and manifest names; \`-\` and \`_\`
are alike. Two that fit are an error. A value that starts with \`./\`, \`../\` or \`/\` is a plugin's directory, relative to
the file in which it stands. An entry with a \`command\` and neither \`plugin\` nor \`kind\` runs that program; its hooks are those
that the entry lists.

\`plugins\`, \`apps\` and \`custom_hooks\` may be a map by name or a list whose items carry the name (\`name\`, \`id\`, \`name\`).
Older mode names are accepted and reported: ${modes.join(', ')}.

## References

\`\${env:NAME}\` stands for an environment variable, in files that an operator wrote and in what one set in the store; anywhere under \`plugins\` only when NAME is listed in
\`host.env_allow\`. In files of a package it stays text, and that is reported. \`$\${env:NAME}\` writes it out. \`\${secret:name}\`
stands for a secret in the host's store ([secrets](secrets.md)), in the same places; for a plugin the name must be among its
granted \`secrets\`. The sections that open the store (\`environment\`, \`host\`, \`store\`, \`audit\`, \`secrets\`) cannot refer to one.
A value that was read is never shown; the reference is.

## Notices

\`config check\` also tells what is no fault: \`ALIAS_USED\`, \`NOT_YET_USED\` (a later release uses it), \`FAILS_OPEN\` (requests pass
unchanged when this plugin is down; \`policy.fail_open: forbid\` makes it an error), \`NOT_STABLE\` (in production),
\`REFERENCE_NOT_RESOLVED\`, \`UNKNOWN_SCHEMA_KEYWORD\`, and \`PLUGIN_NOT_FOUND\` for an entry that is not enabled.

## Keys

${renderSchemaTable(BULKHEAD_SCHEMA)}
`;
}
