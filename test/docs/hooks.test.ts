import { readFileSync } from 'node:fs';
import { HOOKS, type HookSpec } from '@bulkhead/proto/rules';
import { expect, test } from 'vitest';

const COMMON = new Set(['server_ids', 'tenant_ids', 'user_patterns', 'content_types']);
const code = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(', ');

/** The rows of the document's table of payloads, cell by cell. */
function documented(): string[][] {
  const text = readFileSync(new URL('../../docs/hooks.md', import.meta.url), 'utf8');
  const rows = text
    .split('\n')
    .filter((line) => /^\| `[a-z_]+_(invoke|fetch|request|user|permission)`/.test(line));
  return rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

function row({ name, fields, conditions }: HookSpec): string[] {
  return [
    `\`${name}\``,
    code(Object.keys(fields)),
    code(Object.keys(fields).filter((field) => fields[field]?.writable === true)),
    code(conditions.filter((key) => !COMMON.has(key))),
  ];
}

test('docs/hooks.md lists every hook with its fields, what may be changed, and its conditions', () => {
  expect(documented()).toEqual(Object.values(HOOKS).map(row));
});
