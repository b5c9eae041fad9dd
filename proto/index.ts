export {
  BulkheadError,
  ErrorCode,
  isBulkheadError,
  type BulkheadErrorOptions,
  type ErrorViolation,
  type Problem,
} from './errors.js';
