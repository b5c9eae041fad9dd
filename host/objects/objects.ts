import type { ObjectShapes, ObjectType } from '@bulkhead/proto/rules';
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
}

/** The objects of one type, in clear; whoever shows them redacts (`redactObject`). */
export interface ObjectCollection<T> {
  list(query?: ListQuery): Promise<ObjectPage<T>>;
  count(filter?: Readonly<Record<string, string>>): Promise<number>;
  /** @throws NOT_FOUND */
  get(id: string): Promise<T>;
  find(id: string): Promise<T | undefined>;
  /**
   * Validates, runs before hooks, validates again, commits object, audit row and pending after hooks together.
   *
   * @throws INVALID_ARGUMENT with problems, ALREADY_EXISTS, DENIED with the plugin's violation
   */
  create(actor: Actor, input: unknown, query?: WriteQuery): Promise<T>;
  /** Replaces the whole object; a redacted secret stays as it was. @throws as `create`, NOT_FOUND, CONFLICT */
  update(actor: Actor, id: string, input: unknown, query?: WriteQuery): Promise<T>;
  /** @throws NOT_FOUND, CONFLICT, DENIED */
  delete(actor: Actor, id: string, query?: WriteQuery): Promise<void>;
}

/** The objects of the host. */
export type Objects = { readonly [Type in ObjectType]: ObjectCollection<ObjectShapes[Type]> };
