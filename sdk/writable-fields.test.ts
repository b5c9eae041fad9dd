import { HOOKS } from '@bulkhead/proto/rules';
import { expect, it } from 'vitest';
import { WRITABLE_FIELDS } from './writable-fields.js';

it('names exactly the fields that the hook table lets a plugin change', () => {
  const table = Object.fromEntries(
    Object.entries(HOOKS).map(([name, spec]) => [
      name,
      Object.keys(spec.fields).filter((field) => spec.fields[field]?.writable === true),
    ]),
  );
  expect(WRITABLE_FIELDS).toEqual(table);
});
