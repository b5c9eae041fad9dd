import type { StandardSchemaV1 } from '@modelcontextprotocol/server';

/** Takes any answer as it is: what the gateway does not understand must survive it. */
export const RAW: StandardSchemaV1<unknown> = {
  '~standard': { version: 1, vendor: 'bulkhead', validate: (value) => ({ value }) },
};
