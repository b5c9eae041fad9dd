import type { JsonObject, JsonValue } from '@bulkhead/proto/json';
import { parseJson } from '@bulkhead/proto/json';
import { isPlainObject, type JsonSchemaObject } from '@bulkhead/proto/rules';

/** An argument of an MCP prompt. */
export interface PromptArgument extends JsonObject {
  readonly name: string;
  readonly required: boolean;
}

/** What a command takes, as the arguments of an MCP prompt. */
export function promptArguments(input: JsonSchemaObject | undefined): readonly PromptArgument[] {
  const required = Array.isArray(input?.['required']) ? input['required'] : [];
  return Object.entries(propertiesOf(input)).map(([name, schema]) => ({
    name,
    required: required.includes(name),
    ...(isPlainObject(schema) && typeof schema['description'] === 'string'
      ? { description: schema['description'] }
      : {}),
  }));
}

/**
 * Arguments of an MCP prompt are texts. Where the command takes no text, what the text says as JSON is meant; one that
 * says nothing stays, and the command's schema tells what was expected.
 */
export function typedArguments(input: JsonSchemaObject | undefined, given: JsonObject): JsonObject {
  const properties = propertiesOf(input);
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => {
      const schema = Object.hasOwn(properties, name) ? properties[name] : undefined;
      return [name, typeof value === 'string' && !takesText(schema) ? readJson(value) : value];
    }),
  );
}

function takesText(schema: unknown): boolean {
  const type = isPlainObject(schema) ? schema['type'] : undefined;
  return type === undefined || type === 'string' || (Array.isArray(type) && type.includes('string'));
}

function readJson(text: string): JsonValue {
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}

function propertiesOf(input: JsonSchemaObject | undefined): Readonly<Record<string, unknown>> {
  const properties = input?.['properties'];
  return isPlainObject(properties) ? properties : {};
}
