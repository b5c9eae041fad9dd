import { posix, win32 } from 'node:path';
import type { ObjectType } from '../contributions.js';
import type { JsonSchema, Keys } from '../schema/problem.js';
import { schemaFault } from '../schema/schema-fault.js';
import { parsePostgresUrl } from './postgres-url.js';
import type { DatasourceObject, LlmObject, ObjectShapes, ToolObject } from './shapes.js';
import { httpUrlFault, placesOf, templateFault } from './url-template.js';

/** What a schema cannot say about an object; at what place, and what is wrong there. */
export type Fault = readonly [keys: Keys, message: string];

type Semantics = { readonly [Type in ObjectType]: (object: ObjectShapes[Type]) => readonly Fault[] };

/** Faults of an object that is of its schema, as far as they can be told without a store. */
export const SEMANTICS: Semantics = {
  llm,
  datasource,
  tool,
  user: ({ groups, roles }) => [...twice(groups, ['groups']), ...twice(roles, ['roles'])],
  app: ({ allowed }) => [
    ...twice(allowed.llms, ['allowed', 'llms']),
    ...twice(allowed.tools, ['allowed', 'tools']),
    ...twice(allowed.datasources, ['allowed', 'datasources']),
  ],
};

function llm({ endpoint, models, default_model: model }: LlmObject): readonly Fault[] {
  const unlisted = model !== undefined && models.length > 0 && !models.includes(model);
  return [
    ...(endpoint === undefined ? [] : fault(['endpoint'], httpUrlFault(endpoint))),
    ...(unlisted ? [[['default_model'], `expected one of 'models', got '${model}'.`] as const] : []),
    ...twice(models, ['models']),
  ];
}

/** The fields that belong to one kind only: there they must be, elsewhere they must not. */
const DATASOURCE_FIELDS = { sqlite: 'path', postgres: 'url', http_json: 'http' } as const;

function datasource(object: DatasourceObject): readonly Fault[] {
  const { kind, path, url, http } = object;
  return [
    ...ofKind(kind, DATASOURCE_FIELDS, { path, url, http }),
    ...(path === undefined || posix.isAbsolute(path) || win32.isAbsolute(path)
      ? []
      : fault(['path'], `expected an absolute path, got '${path}'`)),
    // Never shown: it holds a password.
    ...(url === undefined ? [] : postgresUrlFaults(url)),
    ...(http === undefined ? [] : fault(['http', 'url_template'], templateFault(http.url_template))),
    ...(http?.row_schema === undefined ? [] : schemaFaults(['http', 'row_schema'], http.row_schema)),
    ...(kind === 'http_json' && !object.read_only
      ? fault(['read_only'], 'an http_json source is read-only')
      : []),
  ];
}

function postgresUrlFaults(url: string): readonly Fault[] {
  const parsed = parsePostgresUrl(url);
  return parsed.ok ? [] : fault(['url'], parsed.message);
}

const TOOL_FIELDS = { mcp: 'server', plugin: 'plugin', http: undefined } as const;

function tool({ kind, server, plugin, headers, operations }: ToolObject): readonly Fault[] {
  return [
    ...ofKind(kind, TOOL_FIELDS, { server, plugin }),
    ...(headers !== undefined && kind !== 'http'
      ? fault(['headers'], `expected none: only a tool of kind http sends them`)
      : []),
    ...operations.flatMap((operation, index) => {
      const at = ['operations', index] as const;
      const {
        method,
        url_template: template,
        target,
        input_schema: input,
        output_schema: output,
      } = operation;
      const isHttp = kind === 'http';
      return [
        ...(operations.findIndex(({ name }) => name === operation.name) < index
          ? fault([...at, 'name'], `'${operation.name}' is there twice`)
          : []),
        ...(isHttp === (method !== undefined) ? [] : belongs([...at, 'method'], isHttp, kind)),
        ...(isHttp === (template !== undefined) ? [] : belongs([...at, 'url_template'], isHttp, kind)),
        ...(isHttp && target !== undefined ? belongs([...at, 'target'], false, kind) : []),
        ...(template === undefined ? [] : templateFaults([...at, 'url_template'], template, input)),
        ...(input === undefined ? [] : schemaFaults([...at, 'input_schema'], input)),
        ...(output === undefined ? [] : schemaFaults([...at, 'output_schema'], output)),
      ];
    }),
  ];
}

function ofKind(
  kind: string,
  fields: Readonly<Record<string, string | undefined>>,
  present: Readonly<Record<string, unknown>>,
): readonly Fault[] {
  return Object.entries(present).flatMap(([field, value]) => {
    const needed = fields[kind] === field;
    return needed === (value !== undefined) ? [] : belongs([field], needed, kind);
  });
}

function belongs(keys: Keys, needed: boolean, kind: string): readonly Fault[] {
  const name = String(keys.at(-1));
  return fault(
    keys,
    needed ? `kind '${kind}' needs '${name}', and it is missing` : `kind '${kind}' takes no '${name}'`,
  );
}

function templateFaults(keys: Keys, template: string, input: JsonSchema | undefined): readonly Fault[] {
  const wrong = templateFault(template);
  if (wrong !== undefined) return fault(keys, wrong);
  const properties = input?.['properties'];
  const known = typeof properties === 'object' && properties !== null ? Object.keys(properties) : [];
  return placesOf(template)
    .filter((place) => !known.includes(place))
    .flatMap((place) => fault(keys, `{${place}} is no property of input_schema`));
}

function schemaFaults(keys: Keys, schema: JsonSchema): readonly Fault[] {
  const wrong = schemaFault(schema);
  return wrong === undefined ? [] : fault(keys, `no JSON Schema: ${wrong}`);
}

function twice(items: readonly string[], keys: Keys): readonly Fault[] {
  return items.flatMap((item, index) =>
    items.indexOf(item) < index ? fault([...keys, index], `'${item}' is there twice`) : [],
  );
}

function fault(keys: Keys, message: string | undefined): readonly Fault[] {
  return message === undefined ? [] : [[keys, `${message}.`]];
}
