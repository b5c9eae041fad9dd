import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { JsonObject, JsonValue } from '@bulkhead/proto/json';
import {
  CREDENTIAL_FIELDS,
  MAX_NOTES_CHARS,
  UNIQUE_FIELD,
  isPlainObject,
  notesKey,
  reviveObject,
  withNotes,
  type Notes,
  type ObjectShapes,
  type ObjectType,
} from '@bulkhead/proto/rules';
import type { Insertable, Kysely } from 'kysely';
import type { Database } from '../store/database.js';
import type { ObjectRow } from '../store/tables/objects.js';
import { openObject, sealObject, type Seal } from './seal.js';

/** What plugins noted on an object: by plugin id, then by name. */
export type NotesByPlugin = Readonly<Record<string, JsonObject>>;

/** Columns that hold a field of the same name, for lists to filter by. */
const FIELD_COLUMNS = ['name', 'vendor', 'kind', 'server', 'plugin', 'team', 'user_id', 'tenant_id'] as const;

export interface ObjectRecord<Type extends ObjectType> {
  /** With the notes of plugins in its metadata. */
  readonly object: ObjectShapes[Type];
  /** Without them. */
  readonly plain: ObjectShapes[Type];
  readonly notes: NotesByPlugin;
}

/** The row of an object; its metadata holds no notes of plugins. @throws SECRET_KEY_INVALID */
export async function writeRow(
  seal: Seal,
  trx: Kysely<Database>,
  type: ObjectType,
  object: ObjectShapes[ObjectType],
  notes: NotesByPlugin,
): Promise<Insertable<ObjectRow>> {
  return rowOf(type, await sealObject(seal, trx, type, object.id, object), notes);
}

/** @param object without secrets, or with sealed ones */
export function rowOf(
  type: ObjectType,
  object: ObjectShapes[ObjectType],
  notes: NotesByPlugin,
): Insertable<ObjectRow> {
  const { id, etag, created_at: created, updated_at: updated, ...fields } = object;
  const values = new Map<string, unknown>(Object.entries(fields));
  const text = (name: string): string | null => {
    const value = values.get(name);
    return typeof value === 'string' ? value : null;
  };
  return {
    type,
    id,
    unique_key: uniqueKeyOf(type, object),
    name: text('name'),
    vendor: text('vendor'),
    kind: text('kind'),
    server: text('server'),
    plugin: text('plugin'),
    team: text('team'),
    user_id: text('user_id'),
    tenant_id: text('tenant_id'),
    active: object.active ? 1 : 0,
    data: JSON.stringify(fields),
    notes: JSON.stringify(notes),
    etag,
    created_ms: Date.parse(created),
    updated_ms: Date.parse(updated),
  };
}

/** What is unique among the objects of a type; null where nothing is. */
export function uniqueKeyOf(type: ObjectType, object: ObjectShapes[ObjectType]): string | null {
  const field = UNIQUE_FIELD[type];
  const value = field === undefined ? undefined : new Map<string, unknown>(Object.entries(object)).get(field);
  return typeof value === 'string' ? value.toLowerCase() : null;
}

/** @throws BulkheadError INTERNAL, SECRET_KEY_INVALID */
export function readRow<Type extends ObjectType>(seal: Seal, type: Type, row: ObjectRow): ObjectRecord<Type> {
  const stored: unknown = JSON.parse(row.data);
  const plain = reviveObject(type, openObject(seal, type, row.id, isPlainObject(stored) ? stored : {}), {
    id: row.id,
    etag: row.etag,
    created_at: new Date(row.created_ms).toISOString(),
    updated_at: new Date(row.updated_ms).toISOString(),
  });
  const notes = readNotes(row.notes);
  return { object: addNotes(plain, notes), plain, notes };
}

export function readNotes(text: string): NotesByPlugin {
  const value: unknown = JSON.parse(text);
  return isPlainObject(value)
    ? Object.fromEntries(
        Object.entries(value).filter((entry): entry is [string, JsonObject] => isPlainObject(entry[1])),
      )
    : {};
}

/** What plugins note in one operation, by plugin id. */
export type NoteChanges = ReadonlyMap<string, Notes>;

/** @throws BulkheadError QUOTA_EXCEEDED when a plugin would keep more than it may */
export function applyNotes(kept: NotesByPlugin, changes: NoteChanges): NotesByPlugin {
  const next: Record<string, JsonObject> = { ...kept };
  for (const [id, notes] of changes) {
    const own = withNotes(next[id] ?? {}, notes);
    if (JSON.stringify(own).length > MAX_NOTES_CHARS) {
      throw new BulkheadError(
        ErrorCode.QUOTA_EXCEEDED,
        `plugin '${id}' may note ${String(MAX_NOTES_CHARS)} characters of names and JSON on one object; remove some first`,
      );
    }
    if (Object.keys(own).length === 0) Reflect.deleteProperty(next, id);
    else next[id] = own;
  }
  return next;
}

/** The object with what plugins noted in its metadata. */
export function addNotes<T extends { readonly metadata: JsonObject }>(object: T, notes: NotesByPlugin): T {
  const ids = Object.keys(notes);
  if (ids.length === 0) return object;
  const metadata: Record<string, JsonValue> = { ...object.metadata };
  for (const id of ids) metadata[notesKey(id)] = notes[id] ?? {};
  return { ...object, metadata };
}

/** The column and value that a filter's field asks for; undefined for a field that no column holds. */
export function filterColumn(
  type: ObjectType,
  field: string,
  value: string,
):
  | {
      readonly column: (typeof FIELD_COLUMNS)[number] | 'unique_key' | 'active';
      readonly value: string | number;
    }
  | undefined {
  if (field === 'active') return { column: 'active', value: value === 'true' ? 1 : 0 };
  if (field === UNIQUE_FIELD[type]) return { column: 'unique_key', value: value.toLowerCase() };
  const column = FIELD_COLUMNS.find((name) => name === field);
  return column === undefined ? undefined : { column, value };
}

/** Hashes of its credentials. */
export function credentialsOf(type: ObjectType, object: ObjectShapes[ObjectType]): readonly string[] {
  const field = CREDENTIAL_FIELDS[type]?.hashes;
  const hashes = new Map<string, unknown>(Object.entries(object)).get(field ?? '');
  return Array.isArray(hashes) ? hashes.filter((hash): hash is string => typeof hash === 'string') : [];
}
