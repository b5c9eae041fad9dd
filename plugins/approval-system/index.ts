import { definePlugin, deny, isBulkheadError, type RpcCaller } from '@bulkhead/sdk';
import type { ApprovalConfig } from './config.js';
import { createRequests, type AskedDatasource, type ParkedRequest } from './requests.js';
import { withSecrets, withoutSecrets } from './secrets.js';
import { createTrail, type TrailEntry } from './trail.js';

interface ApprovalTypes {
  readonly rpc: {
    readonly list: {
      readonly input: unknown;
      readonly output: { readonly requests: readonly ParkedRequest[] };
    };
    readonly history: {
      readonly input: { readonly id?: string } | null;
      readonly output: { readonly entries: readonly TrailEntry[] };
    };
    readonly approve: {
      readonly input: { readonly id: string; readonly secrets?: Readonly<Record<string, unknown>> };
      readonly output: { readonly datasource_id: string };
    };
    readonly reject: {
      readonly input: { readonly id: string; readonly reason?: string };
      readonly output: { readonly id: string };
    };
  };
}

const UNKNOWN = 'unknown';

export default definePlugin<ApprovalConfig, ApprovalTypes>(({ host, config, log }) => {
  const now = (): number => Date.now();
  const requests = createRequests(host.kv, config.expire_days, now);
  const trail = createTrail(host.kv, config.history_days, now);

  const noRequest = (id: string) =>
    deny({ code: 'NO_SUCH_REQUEST', reason: `No request ${id} waits`, http_status_code: 404 });
  const busy = (id: string) =>
    deny({ code: 'BEING_DECIDED', reason: `Somebody is deciding on ${id} just now`, http_status_code: 409 });

  /** Creates what was asked for; this plugin's own hook does not see it. */
  const create = async (id: string, datasource: AskedDatasource): Promise<string> => {
    // A name of our own, so that an approval that died half way and is given again finds what it made.
    const datasourceId = datasource.id ?? `approved-${id}`;
    try {
      return (await host.datasources.create({ ...datasource, id: datasourceId })).id;
    } catch (error) {
      if (isBulkheadError(error) && error.code === 'ALREADY_EXISTS') return datasourceId;
      throw error;
    }
  };

  return {
    objectHooks: {
      datasource: {
        priority: 20,
        async before_create(datasource, ctx) {
          const reason = `Data source '${datasource.name}' waits for approval`;
          if (ctx.dryRun) return deny({ code: 'APPROVAL_REQUIRED', reason, http_status_code: 409 });
          const by = ctx.userId ?? UNKNOWN;
          const { id, isNew } = await requests.park(datasource, by);
          if (isNew) await trail.add({ action: 'requested', id, by, name: datasource.name });
          return deny({
            code: 'APPROVAL_REQUIRED',
            reason: `${reason} as request ${id}: an admin decides with the RPC methods approve and reject of dev.bulkhead.approval-system`,
            http_status_code: 409,
            details: { id },
          });
        },
      },
    },

    rpc: {
      async list() {
        const waiting = await requests.list();
        return {
          requests: waiting.map((request) => ({
            ...request,
            datasource: withoutSecrets(request.datasource),
          })),
        };
      },

      history: async (input) => ({ entries: await trail.read(input?.id) }),

      async approve({ id, secrets }, { caller }) {
        const found = await requests.find(id);
        if (found === undefined) return noRequest(id);
        const { datasource, requested_by: requestedBy } = found.value;
        if (config.four_eyes && requestedBy === caller.id) {
          return deny({
            code: 'FOUR_EYES',
            reason: 'Who asked for it cannot approve it',
            http_status_code: 403,
          });
        }
        if (!(await requests.claim(found))) return busy(id);
        const entry = { id, by: nameOf(caller), name: datasource.name };
        try {
          const datasourceId = await create(id, withSecrets(datasource, secrets));
          await requests.remove(id);
          await trail.add({ ...entry, action: 'approved', datasource_id: datasourceId });
          return { datasource_id: datasourceId };
        } catch (error) {
          await requests.release(found.value);
          const reason = error instanceof Error ? error.message : String(error);
          await trail.add({ ...entry, action: 'failed', reason });
          log.warn('an approved data source could not be created', { id, error });
          return deny({
            code: 'NOT_CREATED',
            reason: `It was not created: ${reason}`,
            http_status_code: 422,
          });
        }
      },

      async reject({ id, reason }, { caller }) {
        const found = await requests.find(id);
        if (found === undefined) return noRequest(id);
        if (!(await requests.claim(found))) return busy(id);
        await requests.remove(id);
        await trail.add({
          action: 'rejected',
          id,
          by: nameOf(caller),
          name: found.value.datasource.name,
          ...(reason === undefined ? {} : { reason }),
        });
        return { id };
      },
    },
  };
});

function nameOf({ kind, id }: RpcCaller): string {
  return id === '' ? kind : `${kind}/${id}`;
}
