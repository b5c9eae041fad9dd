import { isBulkheadError } from '@bulkhead/proto';
import { CannotServe } from './runner/environment.js';
import { runPlugin } from './runner/run-plugin.js';

/** Filled in by build.mjs. */
declare const SDK_VERSION: string;

runPlugin(process, `bulkhead-sdk/${SDK_VERSION}`).catch((error: unknown) => {
  const known = error instanceof CannotServe || isBulkheadError(error);
  process.stderr.write(
    known ? `${error.message.trimEnd()}\n` : `${String(error instanceof Error ? error.stack : error)}\n`,
  );
  process.exit(1);
});
