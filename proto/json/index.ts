export { JsonText } from './text.js';
export { parseJson, stringifyJson, type JsonObject, type JsonValue, type RawNumber } from './lossless.js';
