import type { ListOptions, WriteOptions } from '@bulkhead/proto/host';
import {
  OBJECT_MESSAGES,
  redactObject,
  type ObjectMessages,
  type ObjectShapes,
  type ObjectType,
} from '@bulkhead/proto/rules';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { ListQuery, ObjectCollection, WriteQuery } from '../../objects/objects.js';
import type { HostCall } from '../../sidecar/host-method.js';
import type { Actor } from '../../telemetry/audit.js';
import { Turns } from '../turns.js';

/** The objects of one type as plugins see and change them: as messages, without secrets unless they were granted. */
export interface ObjectService<Type extends ObjectType> {
  list(
    options: ListOptions | undefined,
    call: HostCall,
  ): Promise<{ readonly items: ObjectMessages[Type][]; readonly nextPageToken: string }>;
  get(id: string, call: HostCall): Promise<ObjectMessages[Type]>;
  /** @throws BulkheadError NOT_FOUND when it is nobody's */
  getByCredential(credential: string, call: HostCall): Promise<ObjectMessages[Type]>;
  create(
    message: ObjectMessages[Type] | undefined,
    options: WriteOptions | undefined,
    call: HostCall,
  ): Promise<ObjectMessages[Type]>;
  update(
    message: ObjectMessages[Type] | undefined,
    options: WriteOptions | undefined,
    call: HostCall,
  ): Promise<ObjectMessages[Type]>;
  delete(id: string, options: WriteOptions | undefined, call: HostCall): Promise<void>;
  /** An object as this plugin may see it. */
  show(object: ObjectShapes[Type], call: HostCall): ObjectMessages[Type];
}

/** Of one plugin and type. A page is up to 4 MB. */
const MAX_WAITING_LISTS = 100;

const SEES_SECRETS = 'objects.secrets';

export function createObjectService<Type extends ObjectType>(
  type: Type,
  collection: ObjectCollection<ObjectShapes[Type]>,
): ObjectService<Type> {
  const codec = OBJECT_MESSAGES[type];
  const lists = new Turns(MAX_WAITING_LISTS);
  const show = (object: ObjectShapes[Type], { plugin }: HostCall): ObjectMessages[Type] =>
    codec.encode(plugin.grantedScopes.includes(SEES_SECRETS) ? object : redactObject(type, object));
  const given = (message: ObjectMessages[Type] | undefined): ObjectMessages[Type] => {
    if (message !== undefined) return message;
    throw new BulkheadError(ErrorCode.INVALID_ARGUMENT, `expected the ${type}, got none`, { field: type });
  };
  return {
    show,
    async list(options, call) {
      return lists.take(call.plugin.name, call.signal, async () => {
        const { items, nextPageToken = '' } = await collection.list(listQuery(options));
        return { items: items.map((object) => show(object, call)), nextPageToken };
      });
    },
    async get(id, call) {
      return show(await collection.get(id), call);
    },
    async getByCredential(credential, call) {
      const found = await collection.findByCredential(credential);
      if (found !== undefined) return show(found, call);
      throw new BulkheadError(ErrorCode.NOT_FOUND, `no ${type} has that credential`);
    },
    async create(message, options, call) {
      const written = codec.decode(given(message));
      return show(await collection.create(actorOf(call), written, writeQuery(options, call)), call);
    },
    async update(message, options, call) {
      const { id } = given(message);
      const written = codec.decode(given(message));
      return show(await collection.update(actorOf(call), id, written, writeQuery(options, call)), call);
    },
    delete: (id, options, call) => collection.delete(actorOf(call), id, writeQuery(options, call)),
  };
}

export function actorOf({ plugin }: HostCall): Actor {
  return { kind: 'plugin', id: plugin.name };
}

function listQuery(options: ListOptions | undefined): ListQuery {
  if (options === undefined) return {};
  const { pageSize, pageToken, filter } = options;
  return {
    filter,
    ...(pageSize === 0 ? {} : { pageSize }),
    ...(pageToken === '' ? {} : { pageToken }),
  };
}

export function writeQuery(options: WriteOptions | undefined, { signal }: HostCall): WriteQuery {
  const { ifMatch = '', dryRun = false } = options ?? {};
  return { dryRun, signal, ...(ifMatch === '' ? {} : { ifMatch }) };
}
