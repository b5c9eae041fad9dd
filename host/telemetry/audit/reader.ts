import type { Store } from '../../store/store.js';
import type { AuditLog } from './audit-log.js';
import { exportAudit } from './export.js';
import { readHeadFile } from './head-file.js';
import { listAudit, type AuditFilter, type AuditPage } from './list.js';
import { verifyStored } from './stored-source.js';
import type { AuditVerification } from './verify.js';

/** What operators ask of the audit log. */
export interface AuditReader {
  /** The newest first, with what happened until now. */
  list(filter: AuditFilter, page: { readonly size: number; readonly token?: string }): Promise<AuditPage>;
  verify(): Promise<AuditVerification>;
  /** Lines of JSON without line ends. */
  export(): AsyncIterable<string>;
}

export interface AuditReaderOptions {
  readonly store: Store;
  readonly audit: Pick<AuditLog, 'caughtUp'>;
  readonly hostId: string;
  readonly dataDir: string;
}

export function createAuditReader({ store, audit, hostId, dataDir }: AuditReaderOptions): AuditReader {
  let verifying: Promise<AuditVerification> | undefined;
  const verify = async (): Promise<AuditVerification> => {
    const noted = readHeadFile(dataDir);
    await audit.caughtUp();
    const by = `this host beside its data (${dataDir})`;
    return verifyStored(
      store,
      noted === undefined || noted.seq === 0 ? [] : [{ ...noted, host: hostId, by }],
    );
  };
  return {
    async list(filter, page) {
      await audit.caughtUp();
      return listAudit(store, filter, page);
    },
    // It reads everything: who asks meanwhile gets the same answer.
    verify: () =>
      (verifying ??= verify().finally(() => {
        verifying = undefined;
      })),
    async *export() {
      await audit.caughtUp();
      yield* exportAudit(store);
    },
  };
}
