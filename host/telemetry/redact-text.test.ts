import { expect, test } from 'vitest';
import { redactText } from './redact-text.js';

test.each([
  ['{"password":"hunter2","a":1}', '{"password":"[redacted]","a":1}'],
  ['{"client_secret": "a\\"b", "n":1}', '{"client_secret": "[redacted]", "n":1}'],
  ['{"apiKey":12345}', '{"apiKey":"[redacted]"}'],
  ['{"tokens":12,"access_token":"abc"}', '{"tokens":12,"access_token":"[redacted]"}'],
  ['connect failed: password=hunter2 host=db', 'connect failed: password=[redacted] host=db'],
  ['GET /?api_key=abc&x=1', 'GET /?api_key=[redacted]&x=1'],
  ['Authorization: Bearer abc.def', 'Authorization: Bearer [redacted]'],
  ["{ secret: 'abc' }", '{ secret: [redacted] }'],
  ['Unexpected token: x', 'Unexpected token: x'],
  ['nothing: here', 'nothing: here'],
  ['{"password":"cut off in the mid', '{"password":"[redacted]"'],
])('%s is written as %s', (text, redacted) => {
  expect(redactText(text)).toBe(redacted);
});

test('a line of 64 KiB that is made to be slow is not', () => {
  for (const part of ['a', 'password', 'a ', 'a=', '"', "password:'", 'a: ', '\\"', ' ']) {
    const text = part.repeat(Math.ceil(65_536 / part.length));
    const started = performance.now();
    redactText(text);
    // Quadratic would be many seconds.
    expect(performance.now() - started).toBeLessThan(1_000);
  }
});
