import { mkdir } from 'node:fs/promises';
import type { Clock } from '../clock.js';
import type { HostConfig } from '../config/config.js';
import type { SecretKeyPlace } from '../config/secrets-section.js';
import { openStore } from '../store/open-store.js';
import { storeOptions } from '../store/store-options.js';
import type { Store } from '../store/store.js';
import { createAuditLog, type AuditLog } from '../telemetry/audit/audit-log.js';
import { openHostKey } from '../telemetry/audit/host-key.js';
import { createAuditReader, type AuditReader } from '../telemetry/audit/reader.js';
import type { Logger } from '../telemetry/logger.js';
import type { SecretValues } from '../telemetry/secret-values.js';
import { openKeyRing } from './secrets/key-ring.js';
import { openSecrets, type Secrets } from './secrets/secrets.js';

export type FoundationSettings = Pick<HostConfig, 'environment' | 'host' | 'store' | 'audit' | 'secrets'>;

export interface FoundationParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly readEnv: (name: string) => string | undefined;
  /** Gets to know each secret's value, so that it is taken out of logs, the audit log and answers. */
  readonly secretValues: SecretValues;
}

/** What is there before plugins are, and when they are gone: the store, and what is kept in it for operators. */
export interface Foundation {
  readonly store: Store;
  readonly audit: AuditLog;
  readonly auditReader: AuditReader;
  readonly secrets: Secrets;
  /** Writes what waits. Never rejects. */
  close(): Promise<void>;
}

/**
 * Opens the store and what stands on it.
 *
 * @throws STORE_UNAVAILABLE, STORE_INCOMPATIBLE, AUDIT_BROKEN, SECRET_KEY_INVALID
 */
export async function openFoundation(
  settings: FoundationSettings,
  { clock, log, readEnv, secretValues }: FoundationParts,
): Promise<Foundation> {
  const { dataDir } = settings.host;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const store = await openStore(storeOptions(settings));
  try {
    const key = openHostKey(dataDir);
    const { keepDays } = settings.audit;
    const audit = createAuditLog({
      store,
      key,
      dataDir,
      clock,
      log,
      redact: (text) => secretValues.redact(text),
      ...(keepDays === undefined ? {} : { keepDays }),
    });
    const ring = await openKeyRing(settings.secrets, readEnv);
    const secrets = await openSecrets({ store, ring, clock, audit, hostId: key.hostId });
    await keepOut(secrets, secretValues);
    const unsubscribe = secrets.subscribe(() => {
      keepOut(secrets, secretValues).catch((error: unknown) => {
        log.error(
          { err: error },
          'changed secrets could not be read; their new values are not taken out of logs',
        );
      });
    });
    if (settings.environment === 'production' && isInDataDir(settings.secrets) && ring.keys.length > 0)
      log.warn({ key: ring.where }, KEY_BESIDE_DATA);
    await audit.start();
    return {
      store,
      audit,
      secrets,
      auditReader: createAuditReader({ store, audit, hostId: key.hostId, dataDir }),
      async close() {
        unsubscribe();
        await audit.stop();
        await store.close();
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}

const KEY_BESIDE_DATA =
  'the key of the secrets lies beside the store, so a copy of one is a copy of both; keep it elsewhere and name it with secrets.key_file or secrets.key_env';

function isInDataDir(place: SecretKeyPlace): boolean {
  return place.kind === 'file' && place.byDefault;
}

async function keepOut(secrets: Secrets, values: SecretValues): Promise<void> {
  for (const value of (await secrets.all()).values()) values.add(value);
}
