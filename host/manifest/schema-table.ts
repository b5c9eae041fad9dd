import type { JsonSchema } from '@bulkhead/proto/rules/schema';

interface Row {
  readonly key: string;
  readonly type: string;
  readonly fallback: string;
  readonly meaning: string;
}

/** A Markdown table of every key of a schema, from the descriptions and defaults that stand in it. */
export function renderSchemaTable(schema: JsonSchema): string {
  const rows = rowsOf(schema, '');
  const line = ({ key, type, fallback, meaning }: Row): string =>
    `| \`${key}\` | ${type} | ${fallback} | ${meaning} |`;
  return ['| key | value | default | meaning |', '|---|---|---|---|', ...rows.map(line)].join('\n');
}

function rowsOf(schema: JsonSchema, prefix: string): readonly Row[] {
  const required = new Set(listOf(schema['required']));
  return Object.entries(mapOf(schema['properties'])).flatMap(([name, told]) => {
    const key = prefix === '' ? name : `${prefix}.${name}`;
    const own = mapOf(told);
    const meaning = `${String(own['description'] ?? '')}${required.has(name) ? ' Required.' : ''}`.trim();
    return [
      { key, type: typeOf(own), fallback: defaultOf(own), meaning: escape(meaning) },
      ...innerRows(own, key),
    ];
  });
}

/** The keys of what stands inside: a map, the items of a list, the values of a free map, or the map form of a choice. */
function innerRows(schema: JsonSchema, key: string): readonly Row[] {
  const forms = [schema, ...choices(schema)];
  for (const form of forms) {
    if (form['properties'] !== undefined) return rowsOf(form, key);
    const items = mapOf(form['items']);
    if (items['properties'] !== undefined) return rowsOf(items, `${key}[]`);
    const values = mapOf(form['additionalProperties']);
    if (values['properties'] !== undefined) return rowsOf(values, `${key}.<name>`);
  }
  return [];
}

function typeOf(schema: JsonSchema): string {
  const allowed = schema['enum'];
  if (Array.isArray(allowed)) return allowed.map((value) => `\`${String(value)}\``).join(', ');
  if ('const' in schema) return `\`${String(schema['const'])}\``;
  const forms = choices(schema);
  if (forms.length > 0) return [...new Set(forms.map(typeOf))].join(' or ');
  const types = typeof schema['type'] === 'string' ? [schema['type']] : listOf(schema['type']);
  return types
    .filter((type) => type !== 'null')
    .map((type) => NAMES[type] ?? type)
    .join(' or ');
}

const NAMES: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'whole number',
  number: 'number',
  boolean: 'true or false',
  array: 'list',
  object: 'map',
};

function defaultOf(schema: JsonSchema): string {
  const fallback = schema['default'];
  if (
    fallback === undefined ||
    (typeof fallback === 'object' && fallback !== null && Object.keys(fallback).length === 0)
  )
    return '';
  return `\`${typeof fallback === 'string' ? fallback : JSON.stringify(fallback)}\``;
}

function choices(schema: JsonSchema): readonly JsonSchema[] {
  const forms = schema['anyOf'];
  return Array.isArray(forms) && schema['properties'] === undefined ? forms.map(mapOf) : [];
}

function mapOf(value: unknown): JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

function listOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function escape(text: string): string {
  return text
    .replaceAll('|', '\\|')
    .replaceAll('<', '&lt;')
    .replace(/`[^`]*`/g, (code) => code.replaceAll('&lt;', '<'));
}
