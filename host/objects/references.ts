import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { invalidObject, type ObjectShapes, type ObjectType } from '@bulkhead/proto/rules';
import type { Kysely } from 'kysely';
import type { Database } from '../store/database.js';

/** Whether it refers to another object, which has to be there. */
export function hasReferences(object: ObjectShapes[ObjectType]): boolean {
  return 'user_id' in object && object.user_id !== undefined;
}

/** Whether what an object refers to is there. @throws BulkheadError INVALID_ARGUMENT */
export async function assertReferences(
  db: Kysely<Database>,
  type: ObjectType,
  object: ObjectShapes[ObjectType],
): Promise<void> {
  if (type !== 'app' || !('user_id' in object) || object.user_id === undefined) return;
  const user = await db
    .selectFrom('objects')
    .select('id')
    .where('type', '=', 'user')
    .where('id', '=', object.user_id)
    .executeTakeFirst();
  if (user !== undefined) return;
  throw invalidObject(type, [
    {
      code: ErrorCode.INVALID_ARGUMENT,
      path: 'user_id',
      message: `there is no user with the id '${object.user_id}'.`,
    },
  ]);
}

/** Whether nothing refers to an object that is to go. @throws BulkheadError CONFLICT */
export async function assertUnreferenced(db: Kysely<Database>, type: ObjectType, id: string): Promise<void> {
  if (type !== 'user') return;
  const app = await db
    .selectFrom('objects')
    .select('id')
    .where('type', '=', 'app')
    .where('user_id', '=', id)
    .executeTakeFirst();
  if (app === undefined) return;
  throw new BulkheadError(
    ErrorCode.CONFLICT,
    `the app '${app.id}' belongs to the user '${id}'; delete it first, or give it to another user`,
  );
}
