import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { connectToDaemon } from '../control-client.js';
import { listAt, memberAt, textAt } from '../read.js';
import type { Finding } from './finding.js';

const CHECK = 'daemon';

/** Whether a daemon runs on the data directory, and whether all of it serves. */
export async function checkDaemon(dataDir: string): Promise<Finding> {
  try {
    const client = connectToDaemon(dataDir);
    const readiness = memberAt(await client.get('/status'), 'readiness');
    const found = `process ${client.pid}, ${textAt(readiness, 'state')}`;
    const waiting = listAt(readiness, 'waiting_for').join(', ');
    if (waiting === '') return { check: CHECK, level: 'ok', found };
    const why = `Not serving: ${waiting}. What a guard guards is refused while it is down.`;
    return {
      check: CHECK,
      level: 'warning',
      found,
      why,
      fix: 'bulkhead status, then bulkhead plugin logs <name>',
    };
  } catch (thrown) {
    const { code, message } = BulkheadError.from(thrown);
    if (code === ErrorCode.NOT_RUNNING) return { check: CHECK, level: 'ok', found: 'none runs' };
    const why = 'A daemon that does not answer its own command line serves nobody.';
    return { check: CHECK, level: 'error', found: message, why, fix: 'Look at its log, then restart it.' };
  }
}
