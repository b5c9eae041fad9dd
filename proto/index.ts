export {
  BulkheadError,
  ErrorCode,
  isBulkheadError,
  type BulkheadErrorOptions,
  type Problem,
} from './errors.js';
