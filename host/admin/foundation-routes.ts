import type { Foundation } from '../services/foundation.js';
import type { ApiRoutes } from './api.js';
import { auditRoutes } from './audit-routes.js';
import { secretRoutes } from './secret-routes.js';
import { tokenRoutes } from './tokens/token-routes.js';
import type { Tokens } from './tokens/tokens.js';

/** The routes that need no running host: the command line has them without a daemon too. */
export function foundationRoutes({ auditReader, secrets }: Foundation, tokens: Tokens): readonly ApiRoutes[] {
  return [auditRoutes(auditReader), tokenRoutes(tokens), secretRoutes(secrets)];
}
