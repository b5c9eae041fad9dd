export { JsonText } from './text.js';
export {
  isRawNumber,
  parseJson,
  stringifyJson,
  type JsonObject,
  type JsonValue,
  type RawNumber,
} from './lossless.js';
