import type { Store } from '../../store/store.js';
import { HEADS_ACTION, type ChainEntry } from './chain.js';
import { claimsOf } from './claims.js';
import { verifyAudit, type AuditSource, type AuditVerification, type ChainClaim } from './verify.js';

const PAGE_ENTRIES = 500;

/** The audit log as it stands in a store, read by pages. */
export function storedSource({ db }: Store): AuditSource {
  async function* pages(host: string, action?: string): AsyncGenerator<ChainEntry> {
    let after = 0;
    for (;;) {
      const page = await db
        .selectFrom('audit_log')
        .selectAll()
        .where('host', '=', host)
        .where('seq', '>', after)
        .$if(action !== undefined, (query) => query.where('action', '=', action ?? ''))
        .orderBy('seq')
        .limit(PAGE_ENTRIES)
        .execute();
      yield* page;
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE_ENTRIES) return;
      after = last.seq;
    }
  }
  const hosts = async (): Promise<readonly string[]> => {
    const rows = await db.selectFrom('audit_log').select('host').distinct().execute();
    return rows.map(({ host }) => host);
  };
  return {
    heads: () => db.selectFrom('audit_heads').selectAll().orderBy('host').execute(),
    checkpoints: () => db.selectFrom('audit_checkpoints').selectAll().orderBy('host').execute(),
    hosts,
    async *claims() {
      for (const host of await hosts()) {
        for await (const entry of pages(host, HEADS_ACTION)) yield* claimsOf(entry);
      }
    },
    entries: (host) => pages(host),
  };
}

/** Verifies what a store holds; once more when a host pruned its chain meanwhile. */
export async function verifyStored(
  store: Store,
  extra: readonly ChainClaim[] = [],
): Promise<AuditVerification> {
  const source = storedSource(store);
  const before = await source.checkpoints();
  const verified = await verifyAudit(source, extra);
  const same = JSON.stringify(before) === JSON.stringify(await source.checkpoints());
  return verified.ok || same ? verified : verifyAudit(source, extra);
}
