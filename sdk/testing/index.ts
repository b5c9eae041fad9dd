export { testPlugin, type TestGrants, type TestPlugin, type TestPluginOptions } from './test-plugin.js';
export type { TestContributions, TestRequest, TestResponse, TestRpcOptions } from './test-contributions.js';
export type { TestHost, TestHostContents } from './test-host.js';
export type { TestObjectResult, TestOperation } from './test-object-hook.js';
export type { TestNetwork } from './test-network.js';
export type { TestContext } from './call-context-message.js';
export type { TestInvokeResult, TestLogLine } from './invoke-result.js';
export { BulkheadError, isBulkheadError } from '@bulkhead/proto';
