import pg from 'pg';
import type { Heard } from '../heard.js';
import { CONNECTION } from './pool.js';

/** A connection that hears notifications: made with the first channel, made again when it breaks. */
export interface Listening {
  /** Makes what is listened to and what the server was told the same. */
  sync(): void;
  /** Resolves when what `sync` asked for so far holds, or the connection is down. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

const RETRY_INITIAL_MS = 100;
const RETRY_MAX_MS = 5_000;
/** How often a silent connection is asked whether it still is one, and how long its answer may take. */
const CHECK_INTERVAL_MS = 15_000;
const CHECK_TIMEOUT_MS = 5_000;

export function createListening(url: string, heard: Heard): Listening {
  let client: pg.Client | undefined;
  let told = new Set<string>();
  let retryMs = RETRY_INITIAL_MS;
  let retry: NodeJS.Timeout | undefined;
  let check: NodeJS.Timeout | undefined;
  let closed = false;
  let last: Promise<void> = Promise.resolve();

  const lost = (broken: pg.Client): void => {
    if (client !== broken) return;
    client = undefined;
    told = new Set();
    clearInterval(check);
    broken.end().catch(() => undefined);
    if (closed) return;
    retry = setTimeout(() => {
      listening.sync();
    }, retryMs).unref();
    retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
  };
  const open = async (): Promise<pg.Client> => {
    const opening = new pg.Client({ ...CONNECTION, connectionString: url, query_timeout: CHECK_TIMEOUT_MS });
    client = opening;
    opening.on('error', () => {
      lost(opening);
    });
    opening.on('end', () => {
      lost(opening);
    });
    opening.on('notification', ({ channel, payload = '' }) => {
      heard.emit(channel, payload);
    });
    await opening.connect();
    check = setInterval(() => {
      opening.query('select 1').catch(() => {
        lost(opening);
      });
    }, CHECK_INTERVAL_MS).unref();
    return opening;
  };
  const tell = async (): Promise<void> => {
    const wanted = new Set(heard.channels());
    if (closed || (client === undefined && wanted.size === 0)) return;
    try {
      const asked = client ?? (await open());
      const added = [...wanted].filter((channel) => !told.has(channel));
      for (const channel of added) {
        await asked.query(`listen ${channel}`);
        told.add(channel);
      }
      for (const channel of [...told].filter((name) => !wanted.has(name))) {
        await asked.query(`unlisten ${channel}`);
        told.delete(channel);
      }
      retryMs = RETRY_INITIAL_MS;
      heard.hearing(added);
    } catch {
      if (client !== undefined) lost(client);
    }
  };
  const listening: Listening = {
    sync() {
      clearTimeout(retry);
      last = last.then(tell);
    },
    settled: () => last,
    async close() {
      closed = true;
      clearTimeout(retry);
      clearInterval(check);
      await last;
      const open = client;
      client = undefined;
      await open?.end().catch(() => undefined);
    },
  };
  return listening;
}
