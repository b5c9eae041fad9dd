import { parseJson, type JsonValue } from './lossless.js';

/** JSON text that travels as it arrived: nobody has parsed it yet, and nobody need. */
export class JsonText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** Lets `JSON.stringify` take a JsonText inside a value; numbers keep their source text. */
  toJSON(): JsonValue {
    return parseJson(this.text);
  }
}
