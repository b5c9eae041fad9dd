export { testPlugin, type TestPlugin, type TestPluginOptions } from './test-plugin.js';
export type { TestNetwork } from './test-network.js';
export type { TestContext } from './call-context-message.js';
export type { TestInvokeResult, TestLogLine } from './invoke-result.js';
export { BulkheadError, isBulkheadError } from '@bulkhead/proto';
