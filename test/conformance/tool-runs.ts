import { expect } from 'vitest';
import type { Tools } from '@bulkhead/sdk';
import { failing, type Steps } from './steps.js';

/** A tool whose operations answer with what the subject below makes of their arguments. */
export const ECHO_TOOL = (origin: string) => ({
  id: 'echo',
  name: 'Echo',
  kind: 'http',
  operations: [
    {
      name: 'say',
      method: 'POST',
      url_template: `${origin}/say`,
      input_schema: {
        type: 'object',
        additionalProperties: false,
        required: ['text'],
        properties: { text: { type: 'string' } },
      },
      output_schema: { type: 'object', required: ['text'] },
      effect: 'read_only',
    },
    { name: 'count', method: 'POST', url_template: `${origin}/count`, effect: 'read_only' },
    {
      name: 'wrong',
      method: 'POST',
      url_template: `${origin}/wrong`,
      output_schema: { type: 'object' },
      effect: 'read_only',
    },
  ],
});

/** What each operation answers. */
export const ECHO_ANSWERS: Readonly<Record<string, (args: object) => unknown>> = {
  say: (args) => args,
  count: (args) => Object.keys(args).length,
  wrong: () => ['no object'],
};

/** What every ToolService does when a plugin runs a tool. `echo` is there, and `off`, the same and not active. */
export const TOOL_RUN_STEPS: Steps<{ readonly tools: Tools }> = {
  async 'the answer is a result of tools/call, structured when it is an object'({ tools }) {
    expect(await tools.execute('echo', 'say', { text: 'hi' })).toEqual({
      result: { content: [{ type: 'text', text: '{"text":"hi"}' }], structuredContent: { text: 'hi' } },
      isError: false,
    });
    expect(await tools.execute('echo', 'count', { a: 1, b: 2 })).toEqual({
      result: { content: [{ type: 'text', text: '2' }] },
      isError: false,
    });
  },
  async 'arguments and answer are held to the schemas of the operation'({ tools }) {
    for (const args of [{}, { text: 7 }, { text: 'hi', more: true }])
      await expect(tools.execute('echo', 'say', args)).rejects.toThrow(failing('INVALID_ARGUMENT'));
    await expect(tools.execute('echo', 'wrong')).rejects.toThrow(failing('TOOL_FAILED'));
  },
  async 'what is not there is NOT_FOUND, and what is not active is not run'({ tools }) {
    await expect(tools.execute('none', 'say', { text: 'hi' })).rejects.toThrow(failing('NOT_FOUND'));
    await expect(tools.execute('echo', 'shout', { text: 'hi' })).rejects.toThrow(failing('NOT_FOUND'));
    await expect(tools.execute('off', 'say', { text: 'hi' })).rejects.toThrow(failing('FORBIDDEN'));
  },
};
