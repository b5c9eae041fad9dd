export { JsonText } from './text.js';
export { MAX_JSON_DEPTH, isDeeperThan } from './depth.js';
export {
  isRawNumber,
  parseJson,
  stringifyJson,
  type JsonObject,
  type JsonValue,
  type RawNumber,
} from './lossless.js';
