import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { ListOptions, WriteOptions } from '@bulkhead/proto/host';
import type { ObjectMessages, ObjectType } from '@bulkhead/proto/rules';
import { OBJECT_MESSAGES, type CrossingObject, type ObjectInput } from './object-messages.js';
import { allPages, toPage, type Page, type PageOptions } from './page.js';

/** An object as a plugin sees it: what is secret is redacted without the scope objects.secrets. */
export type HostObject<Type extends ObjectType> = CrossingObject<Type>;

/** What a plugin writes as an object; what is absent gets its default. */
export type HostObjectInput<Type extends ObjectType> = ObjectInput<Type>;

export interface ObjectListOptions extends PageOptions {
  /** Exact values by field; all of them must hold. */
  readonly filter?: Readonly<Record<string, string>>;
}

export interface ObjectWriteOptions {
  /** The etag that the caller has seen; CONFLICT when the object has another by now. Default: overwrites. */
  readonly ifMatch?: string;
  /** Answers what would happen and writes nothing. */
  readonly dryRun?: boolean;
}

/** What is common to the objects that plugins may list. */
export interface ObjectReader<Type extends ObjectType> {
  list(options?: ObjectListOptions): Promise<Page<HostObject<Type>>>;
  /** Every object, a page at a time. */
  all(options?: ObjectListOptions): AsyncIterable<HostObject<Type>>;
  /** @throws BulkheadError NOT_FOUND, as a rejection */
  get(id: string): Promise<HostObject<Type>>;
}

/**
 * What is common to the objects that plugins may write. The object hooks of other plugins run, the caller's own do not; when
 * one denies, the error is DENIED and its `violation` says who and why.
 */
export interface ObjectWriter<Type extends ObjectType> {
  /**
   * @returns the object as it is kept, with its id
   * @throws BulkheadError INVALID_ARGUMENT, ALREADY_EXISTS, DENIED, as a rejection
   */
  create(
    object: HostObjectInput<Type>,
    options?: Pick<ObjectWriteOptions, 'dryRun'>,
  ): Promise<HostObject<Type>>;
  /**
   * Replaces the whole object; what is secret and came redacted stays as it was.
   *
   * @throws BulkheadError NOT_FOUND, CONFLICT, INVALID_ARGUMENT, DENIED, as a rejection
   */
  update(
    object: HostObjectInput<Type> & { readonly id: string },
    options?: ObjectWriteOptions,
  ): Promise<HostObject<Type>>;
  /** @throws BulkheadError NOT_FOUND, CONFLICT, DENIED, as a rejection */
  delete(id: string, options?: ObjectWriteOptions): Promise<void>;
}

type Message<Type extends ObjectType> = ObjectMessages[Type];

/** The generated calls of one kind of object, without the names of their messages' fields. */
export interface ReadCalls<Type extends ObjectType> {
  list(
    options: ListOptions,
  ): Promise<{ readonly items: readonly Message<Type>[]; readonly nextPageToken: string }>;
  get(id: string): Promise<Message<Type> | undefined>;
}

export interface WriteCalls<Type extends ObjectType> {
  create(object: Message<Type>, options: WriteOptions): Promise<Message<Type> | undefined>;
  update(object: Message<Type>, options: WriteOptions): Promise<Message<Type> | undefined>;
  delete(id: string, options: WriteOptions): Promise<unknown>;
}

export function createObjectReader<Type extends ObjectType>(
  type: Type,
  calls: ReadCalls<Type>,
): ObjectReader<Type> {
  const reader: ObjectReader<Type> = {
    async list({ pageSize, pageToken, filter } = {}) {
      const { items, nextPageToken } = await calls.list({
        pageSize: pageSize ?? 0,
        pageToken: pageToken ?? '',
        filter: { ...filter },
      });
      return toPage(
        items.map((item) => fromMessage(type, item)),
        nextPageToken,
      );
    },
    all: (options = {}) => allPages((page: ObjectListOptions) => reader.list(page), options),
    get: async (id) => fromMessage(type, await calls.get(id)),
  };
  return reader;
}

export function createObjectWriter<Type extends ObjectType>(
  type: Type,
  calls: WriteCalls<Type>,
): ObjectWriter<Type> {
  const { toMessage } = OBJECT_MESSAGES[type];
  return {
    create: async (object, options) =>
      fromMessage(type, await calls.create(toMessage(object), toWriteOptions(options))),
    update: async (object, options) =>
      fromMessage(type, await calls.update(toMessage(object), toWriteOptions(options))),
    async delete(id, options) {
      await calls.delete(id, toWriteOptions(options));
    },
  };
}

/** @throws BulkheadError PROTOCOL_ERROR when the host answered without an object */
export function fromMessage<Type extends ObjectType>(
  type: Type,
  message: Message<Type> | undefined,
): HostObject<Type> {
  if (message === undefined) {
    throw new BulkheadError(
      ErrorCode.PROTOCOL_ERROR,
      `the host answered without the ${type} that it promised`,
    );
  }
  return OBJECT_MESSAGES[type].fromMessage(message);
}

export function toWriteOptions(options: ObjectWriteOptions | undefined): WriteOptions {
  return { ifMatch: options?.ifMatch ?? '', dryRun: options?.dryRun ?? false };
}
