import type { Logger } from '../telemetry/logger.js';

/** What upstreams and the gateway write to. */
export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;
