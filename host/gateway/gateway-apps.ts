import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { User, UserObject } from '@bulkhead/proto/rules';
import type { Clock } from '../clock.js';
import type { AppConfig } from '../config/config.js';
import type { Audit } from '../telemetry/audit.js';
import { allowedTools, type MayUseTool } from './allowed-tools.js';
import { createAppKeys } from './app-keys.js';
import { AppLimits } from './app-limits.js';
import type { StoredApp, StoredApps } from './stored-apps.js';

/** An app as requests know it. */
export interface GatewayApp {
  readonly id: string;
  readonly tenantId?: string;
  readonly assertContext: boolean;
  /** Whose it is. */
  readonly user?: User;
  /** Absent: it may use every one. */
  readonly mayUseTool?: MayUseTool;
  /** What it may use of routes of plugins that ask for scopes. */
  readonly scopes?: readonly string[];
  /** To be called for each request, or with how many there are in one. @throws BulkheadError RATE_LIMITED */
  count(requests: number): void;
}

/** The apps of bulkhead.yaml and of the store. */
export interface GatewayApps {
  /**
   * The app that a key belongs to.
   *
   * @throws BulkheadError FORBIDDEN when it, or the user whose it is, is not active; STORE_UNAVAILABLE
   */
  find(key: string): Promise<GatewayApp | undefined>;
  /** Other apps in bulkhead.yaml. */
  update(apps: readonly AppConfig[]): void;
}

export interface GatewayAppsOptions {
  readonly configured: readonly AppConfig[];
  /** Default: there are none. */
  readonly stored?: Pick<StoredApps, 'find'>;
  readonly clock: Clock;
  readonly audit: Audit;
}

export function createGatewayApps({ configured, stored, clock, audit }: GatewayAppsOptions): GatewayApps {
  let appOf = createAppKeys(configured);
  const limits = new AppLimits(clock, audit);

  const assertActive = ({ app, user }: StoredApp): void => {
    const what =
      app.active && user?.active !== false
        ? undefined
        : app.active
          ? `the user '${user?.id ?? ''}', whose app '${app.id}' is,`
          : `the app '${app.id}'`;
    if (what === undefined) return;
    const message = `${what} is not active`;
    audit.note({
      actor: { kind: 'app', id: app.id },
      action: 'gateway.refused',
      outcome: 'denied',
      code: ErrorCode.FORBIDDEN,
      reason: message,
    });
    throw new BulkheadError(ErrorCode.FORBIDDEN, message);
  };

  return {
    async find(key) {
      const fromFile = appOf(key);
      if (fromFile !== undefined) return { ...fromFile, count: () => undefined };
      const found = await stored?.find(key);
      if (found === undefined) return undefined;
      assertActive(found);
      const { app, user } = found;
      const mayUseTool = allowedTools(found);
      return {
        id: app.id,
        assertContext: app.assert_context,
        ...(app.tenant_id === undefined ? {} : { tenantId: app.tenant_id }),
        ...(user === undefined ? {} : { user: identityOf(user) }),
        ...(mayUseTool === undefined ? {} : { mayUseTool }),
        count(requests) {
          limits.take(app, requests);
        },
      };
    },
    update(apps) {
      appOf = createAppKeys(apps);
    },
  };
}

function identityOf({ id, email, team, groups, roles }: UserObject): User {
  return { id, email, groups, roles, ...(team === undefined ? {} : { team }) };
}
