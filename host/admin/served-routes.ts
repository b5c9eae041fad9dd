import type { Foundation } from '../services/foundation.js';
import type { Services } from '../services/services.js';
import type { ApiRoutes } from './api.js';
import { approvalRoutes } from './approval-routes.js';
import { configRoutes } from './config-routes.js';
import { foundationRoutes } from './foundation-routes.js';
import { keptStateRoutes } from './kept-state-routes.js';
import { createObjectRoutes } from './object-routes.js';
import type { Tokens } from './tokens/tokens.js';
import { usageRoutes } from './usage-routes.js';

export interface ServedParts {
  readonly foundation: Foundation;
  readonly tokens: Tokens;
  readonly services: Services;
  readonly config: Parameters<typeof configRoutes>[0];
}

/** Every route of `/api/v1` that the daemon serves. */
export function servedRoutes({ foundation, tokens, services, config }: ServedParts): readonly ApiRoutes[] {
  return [
    ...foundationRoutes(foundation, tokens),
    configRoutes(config),
    createObjectRoutes(services.objects),
    usageRoutes((asked) => services.usageOf(asked)),
    ...keptStateRoutes(services),
    approvalRoutes(services.toolbox.approvals),
  ];
}
