import { randomUUID } from 'node:crypto';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { ListOptions, WriteOptions } from '@bulkhead/proto/host';
import {
  CREDENTIAL_FIELDS,
  FILTER_FIELDS,
  OBJECT_MESSAGES,
  UNIQUE_FIELD,
  hashCredential,
  isPlainObject,
  notesKey,
  parseObject,
  redactObject,
  restoreSecrets,
  type ObjectMessages,
  type ObjectShapes,
  type ObjectType,
  type WrittenObject,
} from '@bulkhead/proto/rules';
import { byText, invalid, pageOf } from './pages.js';
import type { TwinPlugin } from './twin-methods.js';

/** Why another plugin's object hook refuses. */
export interface TestDenial {
  readonly plugin: string;
  readonly code: string;
  readonly reason: string;
}

export interface ObjectTwinParts {
  readonly plugin: TwinPlugin;
  readonly now: () => number;
  /** Stands for the before hooks of other plugins. */
  readonly hook: (type: ObjectType, action: string, object: object) => TestDenial | undefined;
}

const SEES_SECRETS = 'objects.secrets';

/** The objects of one kind in memory, by the host's own rules. */
export class ObjectCollectionTwin<Type extends ObjectType> {
  readonly #type: Type;
  readonly #parts: ObjectTwinParts;
  readonly #objects = new Map<string, ObjectShapes[Type]>();

  constructor(type: Type, parts: ObjectTwinParts, contents: readonly object[]) {
    this.#type = type;
    this.#parts = parts;
    for (const object of contents) {
      const parsed = parseObject(type, object, this.#identity(idOf(object)));
      this.#objects.set(parsed.id, parsed);
    }
  }

  /** In clear, as the host keeps it. */
  get(id: string): ObjectShapes[Type] | undefined {
    return this.#objects.get(id);
  }

  /** In clear, by ascending id. */
  all(): readonly ObjectShapes[Type][] {
    return [...this.#objects.values()].toSorted((a, b) => byText(a.id, b.id));
  }

  /** As the plugin may see it. */
  show(object: ObjectShapes[Type]): ObjectMessages[Type] {
    const clear = this.#parts.plugin.scopes.includes(SEES_SECRETS);
    return OBJECT_MESSAGES[this.#type].encode(clear ? object : redactObject(this.#type, object));
  }

  find(id: string): ObjectShapes[Type] {
    const object = this.#objects.get(id);
    if (object !== undefined) return object;
    throw new BulkheadError(
      ErrorCode.NOT_FOUND,
      `there is no ${this.#type} with the id '${id.slice(0, 128)}'`,
    );
  }

  findByCredential(credential: string): ObjectShapes[Type] {
    const field = CREDENTIAL_FIELDS[this.#type]?.hashes ?? '';
    const hash = hashCredential(credential);
    const found = this.all().find((object) => {
      const hashes: unknown = Reflect.get(object, field);
      return Array.isArray(hashes) && hashes.includes(hash);
    });
    if (found !== undefined) return found;
    throw new BulkheadError(ErrorCode.NOT_FOUND, `no ${this.#type} has that credential`);
  }

  list(options: ListOptions | undefined): {
    readonly items: ObjectMessages[Type][];
    readonly nextPageToken: string;
  } {
    const found = this.#filtered(options?.filter ?? {});
    const page = pageOf(found, ({ id }) => id, options?.pageSize ?? 0, options?.pageToken ?? '', byText);
    return { items: page.items.map((object) => this.show(object)), nextPageToken: page.nextPageToken };
  }

  count(filter: Readonly<Record<string, string>>): number {
    return this.#filtered(filter).length;
  }

  create(message: ObjectMessages[Type] | undefined, options: WriteOptions | undefined): ObjectMessages[Type] {
    const written = restoreSecrets(this.#type, this.#decode(message), undefined);
    const object = parseObject(this.#type, written, this.#identity(idOf(written)));
    if (this.#objects.has(object.id)) throw this.#exists('id', object.id);
    return this.#carryOut('create', object, options);
  }

  update(message: ObjectMessages[Type] | undefined, options: WriteOptions | undefined): ObjectMessages[Type] {
    const written = this.#decode(message);
    const id = idOf(written) ?? '';
    return this.change(id, () => written, options);
  }

  /** As `update`, with what `make` makes of the object. */
  change(
    id: string,
    make: (object: ObjectShapes[Type]) => object,
    options: WriteOptions | undefined,
  ): ObjectMessages[Type] {
    const kept = this.find(id);
    this.#assertMatch(kept, options);
    const field = CREDENTIAL_FIELDS[this.#type]?.hashes;
    const hashes: unknown = field === undefined ? undefined : Reflect.get(kept, field);
    const made = make(kept);
    const written = restoreSecrets(
      this.#type,
      field === undefined ? made : { [field]: hashes, ...made },
      kept,
    );
    const { created_at: createdAt } = kept;
    const next = parseObject(this.#type, written, { ...this.#identity(id), created_at: createdAt });
    return this.#carryOut(
      'update',
      { ...next, metadata: { ...next.metadata, ...notesOf(kept.metadata) } },
      options,
    );
  }

  delete(id: string, options: WriteOptions | undefined): void {
    const kept = this.find(id);
    this.#assertMatch(kept, options);
    this.#assertAllowed('delete', kept);
    if (options?.dryRun !== true) this.#objects.delete(id);
  }

  /** Sets one of the plugin's own notes; undefined removes it. */
  note(
    id: string,
    name: string,
    value: ObjectShapes[Type]['metadata'][string] | undefined,
  ): ObjectMessages[Type] {
    const kept = this.find(id);
    const key = notesKey(this.#parts.plugin.id);
    const own = kept.metadata[key];
    const notes = Object.fromEntries(
      Object.entries({ ...(isPlainObject(own) ? own : {}), [name]: value }).filter(
        ([, note]) => note !== undefined,
      ),
    );
    const next = { ...kept, metadata: { ...kept.metadata, [key]: notes } };
    this.#objects.set(id, next);
    return this.show(next);
  }

  #carryOut(
    action: 'create' | 'update',
    object: ObjectShapes[Type],
    options: WriteOptions | undefined,
  ): ObjectMessages[Type] {
    this.#assertFree(object);
    this.#assertAllowed(action, object);
    if (options?.dryRun !== true) this.#objects.set(object.id, object);
    return this.show(object);
  }

  #assertAllowed(action: string, object: object): void {
    const denial = this.#parts.hook(this.#type, action, object);
    if (denial === undefined) return;
    const { plugin, code, reason } = denial;
    throw new BulkheadError(ErrorCode.DENIED, reason, { violation: { plugin, code } });
  }

  #assertFree(object: ObjectShapes[Type]): void {
    const field = UNIQUE_FIELD[this.#type];
    if (field === undefined) return;
    const value = textAt(object, field)?.toLowerCase();
    const other = this.all().find(
      (known) => known.id !== object.id && textAt(known, field)?.toLowerCase() === value,
    );
    if (other !== undefined) throw this.#exists(field, String(value));
  }

  #assertMatch({ etag, id }: ObjectShapes[Type], options: WriteOptions | undefined): void {
    const wanted = options?.ifMatch ?? '';
    if (wanted === '' || wanted === etag) return;
    throw new BulkheadError(
      ErrorCode.CONFLICT,
      `the ${this.#type} '${id}' was changed meanwhile; read it again`,
      { field: 'if_match' },
    );
  }

  #filtered(filter: Readonly<Record<string, string>>): readonly ObjectShapes[Type][] {
    for (const field of Object.keys(filter)) {
      if (!FILTER_FIELDS[this.#type].includes(field)) {
        throw invalid(
          'filter',
          `'${field}' is no field to filter by; these are: ${FILTER_FIELDS[this.#type].join(', ')}`,
        );
      }
    }
    return this.all().filter((object) =>
      Object.entries(filter).every(([field, value]) => String(Reflect.get(object, field)) === value),
    );
  }

  #decode(message: ObjectMessages[Type] | undefined): WrittenObject {
    if (message !== undefined) return OBJECT_MESSAGES[this.#type].decode(message);
    throw invalid(this.#type, `expected the ${this.#type}, got none`);
  }

  #identity(id: string | undefined) {
    const at = new Date(this.#parts.now()).toISOString();
    return { id: id ?? randomUUID(), etag: randomUUID(), created_at: at, updated_at: at };
  }

  #exists(field: string, value: string): BulkheadError {
    return new BulkheadError(
      ErrorCode.ALREADY_EXISTS,
      `there is a ${this.#type} with the ${field} '${value}' already`,
      { field },
    );
  }
}

function idOf(written: object): string | undefined {
  return textAt(written, 'id');
}

function textAt(object: object, field: string): string | undefined {
  const value: unknown = Reflect.get(object, field);
  return typeof value === 'string' ? value : undefined;
}

/** What plugins noted: nobody writes over it. */
function notesOf<Metadata extends object>(metadata: Metadata): Partial<Metadata> {
  const notes: Partial<Metadata> = {};
  for (const key of Object.keys(metadata)) {
    if (key.startsWith(notesKey(''))) Reflect.set(notes, key, Reflect.get(metadata, key));
  }
  return notes;
}
