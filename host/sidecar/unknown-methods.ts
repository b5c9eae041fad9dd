import type { Server } from '@grpc/grpc-js';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';

/** Where grpc-js looks a method up; it has no public place for methods that nobody registered. */
const LOOK_UP = '_retrieveHandler';
const MAX_PATH_CHARS = 200;

/**
 * Tells of each call of a method that the server does not serve. grpc-js refuses it with UNIMPLEMENTED as before.
 *
 * @throws INTERNAL when this version of grpc-js looks methods up elsewhere: a refusal that nobody hears of must not go unnoticed
 */
export function watchUnknownMethods(server: Server, onUnknown: (path: string) => void): void {
  const lookUp: unknown = Reflect.get(server, LOOK_UP);
  if (typeof lookUp !== 'function')
    throw new BulkheadError(ErrorCode.INTERNAL, `expected grpc-js to look methods up with ${LOOK_UP}`);
  Reflect.set(server, LOOK_UP, (path: string): unknown => {
    const found: unknown = Reflect.apply(lookUp, server, [path]);
    if (found === null || found === undefined) onUnknown(path.slice(0, MAX_PATH_CHARS));
    return found;
  });
}
