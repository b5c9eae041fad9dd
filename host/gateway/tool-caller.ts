import { ANONYMOUS, type ToolCaller } from '../tools/tool.js';
import type { Identity } from './gateway-request.js';

/** Who calls, for policy, approval, audit and events. A user without an app is told apart by the user's id. */
export function callerOf({ appId, tenantId, user }: Identity): ToolCaller {
  const actor =
    appId !== undefined
      ? ({ kind: 'app', id: appId } as const)
      : user === undefined
        ? ANONYMOUS
        : ({ kind: 'app', id: `(user ${user.id})` } as const);
  return {
    actor,
    ...(appId === undefined ? {} : { appId }),
    ...(tenantId === undefined ? {} : { tenantId }),
    ...(user === undefined ? {} : { userId: user.id }),
  };
}
