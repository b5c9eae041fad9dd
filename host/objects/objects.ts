import type { Notes, ObjectShapes, ObjectType } from '@bulkhead/proto/rules';
import type { Actor } from '../telemetry/audit.js';

export interface ObjectPage<T> {
  readonly items: readonly T[];
  /** Absent on the last page. */
  readonly nextPageToken?: string;
}

export interface ListQuery {
  /** Exact values by field; AND. */
  readonly filter?: Readonly<Record<string, string>>;
  /** 1 to 1,000; default 100. */
  readonly pageSize?: number;
  readonly pageToken?: string;
}

export interface WriteQuery {
  /** The etag that the caller has seen. @throws CONFLICT when the object has another */
  readonly ifMatch?: string;
  /** Answers what would happen and writes nothing. */
  readonly dryRun?: boolean;
  /** Nobody waits for the answer any more. */
  readonly signal?: AbortSignal;
}

/** The objects of one type, in clear; whoever shows them redacts (`redactObject`). */
export interface ObjectCollection<T> {
  list(query?: ListQuery): Promise<ObjectPage<T>>;
  count(filter?: Readonly<Record<string, string>>): Promise<number>;
  /** @throws NOT_FOUND */
  get(id: string): Promise<T>;
  find(id: string): Promise<T | undefined>;
  /** Whose credential it is; undefined when it is nobody's, and for types that have none. */
  findByCredential(credential: string): Promise<T | undefined>;
  /**
   * Validates, runs before hooks, validates again, commits object, audit row, event and pending after hooks together.
   *
   * @throws INVALID_ARGUMENT with problems, ALREADY_EXISTS, DENIED with the plugin's violation
   */
  create(actor: Actor, input: unknown, query?: WriteQuery): Promise<T>;
  /**
   * Replaces the whole object; a redacted secret stays as it was, and so do hashes of credentials when their key is left out.
   *
   * @throws as `create`, NOT_FOUND, CONFLICT
   */
  update(actor: Actor, id: string, input: unknown, query?: WriteQuery): Promise<T>;
  /**
   * As `update`, with what `change` makes of the object as it is, secrets redacted. When somebody else comes between,
   * `change` is asked again.
   */
  change(actor: Actor, id: string, change: (redacted: T) => unknown, query?: WriteQuery): Promise<T>;
  /** @throws NOT_FOUND, CONFLICT, DENIED */
  delete(actor: Actor, id: string, query?: WriteQuery): Promise<void>;
  /**
   * Changes what a plugin noted on an object, atomically. No hooks run, and the etag stays.
   *
   * @throws NOT_FOUND, QUOTA_EXCEEDED
   */
  note(actor: Actor, id: string, pluginId: string, notes: Notes): Promise<T>;
}

/** The objects of the host. */
export type Objects = { readonly [Type in ObjectType]: ObjectCollection<ObjectShapes[Type]> };
