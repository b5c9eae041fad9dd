import { compile } from 'json-schema-to-typescript';
import type { Manifest } from './manifest.js';

type Schema = Readonly<Record<string, unknown>>;

const HEADER = `// Written by \`bulkhead types\` from the plugin's manifest. Do not edit: change the manifest and run it again.
import type {} from '@bulkhead/sdk/plugin-types';
`;

/** What a tool, a command or an RPC method is without a schema. */
const LOOSE_OBJECT = "import('@bulkhead/sdk').JsonObject";
const LOOSE_VALUE = "import('@bulkhead/sdk').JsonValue";

/**
 * The text of a plugin's `plugin.gen.d.ts`: the type of its configuration, input and output of its tools, commands and RPC
 * methods, and the payloads of the custom hooks that it declares, where the SDK's `definePlugin` looks for them.
 *
 * @throws Error when a schema cannot be turned into a type, for example because it refers to another file
 */
export async function generateAuthorTypes(
  manifest: Pick<Manifest, 'configSchema' | 'customHooks' | 'contributions'>,
): Promise<string> {
  const parts: string[] = [HEADER];
  const config = manifest.configSchema;
  parts.push(
    config === undefined
      ? '/** The manifest has no config_schema: the plugin takes no configuration. */\nexport type Config = Readonly<Record<string, never>>;\n'
      : await typeText(filled(config), 'Config'),
  );
  const hooks: string[] = [];
  for (const hook of manifest.customHooks) {
    const name = `${pascal(hook.name)}Payload`;
    parts.push(await typeText(hook.payload, name));
    hooks.push(`    readonly ${hook.name}: ${name};\n`);
  }
  const { tools, commands, rpcMethods } = manifest.contributions;
  const members = [
    '    readonly config: Config;\n',
    await signatures('tools', 'Tool', tools, LOOSE_OBJECT, parts),
    await signatures('commands', 'Command', commands, LOOSE_OBJECT, parts),
    await signatures('rpc', 'Rpc', rpcMethods, LOOSE_VALUE, parts),
  ];
  const custom = hooks.length === 0 ? '' : `  interface CustomHooks {\n${hooks.join('')}  }\n`;
  parts.push(
    `declare module '@bulkhead/sdk/plugin-types' {\n  interface PluginTypes {\n${members.join('')}  }\n${custom}}\n`,
  );
  return parts.join('\n');
}

interface Declared {
  readonly name: string;
  readonly input?: Schema;
  readonly output?: Schema;
}

/** The member of PluginTypes that says what goes in and out of each; the types themselves are added to `parts`. */
async function signatures(
  key: string,
  prefix: string,
  declared: readonly Declared[],
  looseInput: string,
  parts: string[],
): Promise<string> {
  const one = async (name: string, schema: Schema | undefined, loose: string): Promise<string> => {
    if (schema === undefined) return loose;
    parts.push(await typeText(schema, name));
    return name;
  };
  const lines: string[] = [];
  for (const { name, input, output } of declared) {
    const type = `${prefix}${pascal(name)}`;
    const given = await one(`${type}Input`, input, looseInput);
    const answered = await one(`${type}Output`, output, 'unknown');
    lines.push(`      readonly '${name}': { readonly input: ${given}; readonly output: ${answered} };\n`);
  }
  return lines.length === 0
    ? `    readonly ${key}: {};\n`
    : `    readonly ${key}: {\n${lines.join('')}    };\n`;
}

function typeText(schema: Schema, name: string): Promise<string> {
  // Without a title of its own, which would become the type's name.
  const { title: _title, $id: _id, id: _oldId, ...rest } = schema;
  return compile(rest, name, {
    bannerComment: '',
    // As the host checks it: objects refuse unknown keys unless the schema says otherwise.
    additionalProperties: false,
    unknownAny: true,
    // A manifest is somebody else's file: it must not make us read others.
    $refOptions: { resolve: { external: false } },
    style: { singleQuote: true, printWidth: 110 },
  });
}

/** A key with a default is always there when the plugin sees its configuration, so its type is not optional. */
function filled(schema: Schema): Schema {
  const out: Record<string, unknown> = { ...schema };
  const properties = schema['properties'];
  if (isSchema(properties)) {
    out['properties'] = Object.fromEntries(
      Object.entries(properties).map(([key, value]) => [key, isSchema(value) ? filled(value) : value]),
    );
    const required: readonly unknown[] = Array.isArray(schema['required']) ? schema['required'] : [];
    const defaults = Object.keys(properties).filter((key) => {
      const value = properties[key];
      return isSchema(value) && 'default' in value;
    });
    out['required'] = [...new Set([...required, ...defaults])];
  }
  for (const key of ['items', 'additionalProperties']) {
    const value = schema[key];
    if (isSchema(value)) out[key] = filled(value);
  }
  return out;
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function pascal(name: string): string {
  return name.replace(/(?:^|[^A-Za-z0-9]+)([A-Za-z0-9])/g, (_, first: string) => first.toUpperCase());
}
