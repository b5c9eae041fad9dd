import {
  API_CAPABILITIES,
  CONTEXT_PERMISSIONS,
  MANIFEST_SCHEMA,
  SCOPES,
  SCOPE_ALIASES,
} from '@bulkhead/proto/rules/schema';
import { KEY_CONSUMERS, LATER_HOOKS } from './not-yet-used.js';
import { renderSchemaTable } from './schema-table.js';

/** docs/manifest.md, from the schema and the tables that the checks themselves use. */
export function renderManifestDocs(): string {
  const later = Object.entries(KEY_CONSUMERS).flatMap(([key, consumer]) =>
    consumer === 'later' ? [`\`${key}\``] : [],
  );
  const rows = (entries: Readonly<Record<string, string>>): string =>
    Object.entries(entries)
      .map(([name, meaning]) => `| \`${name}\` | ${meaning} |`)
      .join('\n');
  const apis = Object.entries(API_CAPABILITIES).map(
    ([name, { offered, description }]) =>
      `| \`${name}\` | ${description} | ${offered ? 'offered' : 'later'} |`,
  );
  const aliases = Object.entries(SCOPE_ALIASES).map(
    ([alias, scope]) => `\`${alias}\` is read as \`${scope}\``,
  );
  return `# The manifest

<!-- Generated from proto/rules/schema. Change that, then: vitest run host/manifest/docs.test.ts -u -->

A plugin package says what it is and what it wants in one file at its root: \`plugin.yaml\`, \`plugin.yml\`,
\`plugin.json\` or \`plugin.manifest.json\`. Exactly one of them. Unknown keys are errors; every error names the file, the
line, the key, what was expected and what came, and all of them are told at once. \`bulkhead plugin check <directory>\`
runs the same checks without a daemon.

\`\`\`yaml
id: com.example.tool-guard
name: tool-guard
version: 1.0.0
description: Refuses tools that are not on a list.
hooks:
  tool_pre_invoke: { mode: sequential, priority: 10 }
permissions:
  context: [read_user]
config_schema:
  type: object
  properties:
    allowed_tools: { type: array, items: { type: string }, default: [] }
\`\`\`

\`id\`, \`name\` and \`description\` may be left to package.json; \`version\` must equal its version.

## Keys

${renderSchemaTable(MANIFEST_SCHEMA)}

## The configuration's schema

\`config_schema\` is JSON Schema by the draft that it names in \`$schema\`: draft-07, 2019-09 or 2020-12; without one,
2020-12. Formats are checked. Defaults are filled in; a map that should be there with the defaults of its members needs
\`default: {}\`. An object that names properties refuses others unless the schema says otherwise with
\`additionalProperties\` or \`unevaluatedProperties\`; an inner \`type: object\` that names none is a free map. \`writeOnly: true\` marks a
value that is never shown. References to other documents are not fetched. A keyword or format that has no effect is
reported. A check that takes longer than 2 s is ended, and the configuration refused: look for a pattern that backtracks,
\`uniqueItems\` over long lists, or a schema that refers to itself several times.

## Scopes

| scope | opens |
|---|---|
${rows(SCOPES)}

Aliases, accepted and reported: ${aliases.join(', ')}.

## Context

| permission | shows |
|---|---|
${rows(CONTEXT_PERMISSIONS)}

## APIs for \`compat.api\`

| name | what | in this release |
|---|---|---|
${apis.join('\n')}

## Accepted, and used by a later release

These keys are checked today and reported as \`NOT_YET_USED\`: ${later.join(', ')}. So are the hooks
${[...LATER_HOOKS].map((hook) => `\`${hook}\``).join(', ')}.

## Error codes

| code | when |
|---|---|
| \`MANIFEST_NOT_FOUND\` | no manifest in the directory, or more than one |
| \`MANIFEST_INVALID\` | a value of the wrong kind, an unknown key, a path that leaves the package, a schema that cannot be used |
| \`MISSING_REQUIRED_FIELD\` | \`id\`, \`name\`, \`version\` or another required key is missing |
| \`INVALID_PLUGIN_TYPE\` | \`plugin_type\` is none of gateway, ai_studio, agent |
| \`INVALID_SCOPE\` | a scope that is not in the table above |
| \`DUPLICATE_UI_SLOT\` | two slots of one kind and label, or two pages with one path |
| \`ASSET_NOT_FOUND\` | a listed asset is not in the package |
| \`INCOMPATIBLE\` | \`compat\` asks for another host, API or Node |
`;
}
