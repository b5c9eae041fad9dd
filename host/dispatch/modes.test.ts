import { describe, expect, test } from 'vitest';
import { testDispatcher } from './dispatcher.test-support.js';
import { deny, entry, functionPort, modify } from './function-port.test-support.js';

const CALL = { name: 'echo', args: { message: 'hello' } };

describe('sequential', () => {
  test('each plugin sees the last one’s changes', async () => {
    const seen: unknown[] = [];
    const { dispatcher } = testDispatcher([
      entry(functionPort('first', () => modify({ args: { message: 'one' } })), 'tool_pre_invoke'),
      entry(
        functionPort('second', ({ payload }) => {
          seen.push(payload['args']);
          return modify({ name: 'echo2' });
        }),
        'tool_pre_invoke',
      ),
    ]);
    const result = await dispatcher.invoke('tool_pre_invoke', CALL);
    expect(seen).toEqual([{ message: 'one' }]);
    expect(result).toMatchObject({
      allowed: true,
      violation: null,
      payload: { name: 'echo2', args: { message: 'one' } },
      changedBy: ['first', 'second'],
    });
  });

  test('a denial stops the pipeline and names the plugin', async () => {
    let later = 0;
    const { dispatcher } = testDispatcher([
      entry(functionPort('guard', () => deny('NOT_ALLOWED', { http_status_code: 451, mcp_error_code: -32001 })), 'tool_pre_invoke'),
      entry(functionPort('later', () => void later++), 'tool_pre_invoke', { mode: 'transform' }),
    ]);
    const result = await dispatcher.invoke('tool_pre_invoke', CALL);
    expect(later).toBe(0);
    expect(result).toMatchObject({
      allowed: false,
      refusal: 'denied',
      violation: { code: 'NOT_ALLOWED', plugin: 'guard', http_status_code: 451, mcp_error_code: -32001 },
    });
  });
});
