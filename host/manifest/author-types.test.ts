import { describe, expect, it } from 'vitest';
import { readContributions } from '@bulkhead/proto/rules';
import { generateAuthorTypes } from './author-types.js';

const NONE = readContributions({});
const schema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Settings of the filter',
  type: 'object',
  required: ['names'],
  properties: {
    names: { type: 'array', items: { type: 'string' } },
    mode: { enum: ['redact', 'block'], default: 'redact', description: 'What to do with a finding.' },
    limits: {
      type: 'object',
      properties: { max: { type: 'integer', default: 3 }, min: { type: 'integer' } },
    },
  },
};

describe('generateAuthorTypes', () => {
  it('names the configuration Config, whatever title the schema carries', async () => {
    const text = await generateAuthorTypes({ configSchema: schema, customHooks: [], contributions: NONE });
    expect(text).toContain('export interface Config {');
    expect(text).not.toContain('SettingsOfTheFilter');
    expect(text).toContain('readonly config: Config;');
  });

  it('makes a key with a default one that is always there, at every depth', async () => {
    const text = await generateAuthorTypes({ configSchema: schema, customHooks: [], contributions: NONE });
    expect(text).toContain("mode: 'redact' | 'block';");
    expect(text).toContain('max: number;');
    expect(text).toContain('min?: number;');
    expect(text).toContain('limits?: {');
  });

  it('allows no key that the schema does not name', async () => {
    const text = await generateAuthorTypes({ configSchema: schema, customHooks: [], contributions: NONE });
    expect(text).not.toContain('[k: string]');
  });

  it('takes no configuration for a manifest without a schema', async () => {
    const text = await generateAuthorTypes({ customHooks: [], contributions: NONE });
    expect(text).toContain('export type Config = Readonly<Record<string, never>>;');
  });

  it('adds the payload of each custom hook', async () => {
    const payload = { type: 'object', required: ['text'], properties: { text: { type: 'string' } } };
    const text = await generateAuthorTypes({
      customHooks: [{ name: 'mail_sent', payload }],
      contributions: NONE,
    });
    expect(text).toContain('export interface MailSentPayload {');
    expect(text).toContain('readonly mail_sent: MailSentPayload;');
  });

  it('says what goes in and out of tools, commands and RPC methods', async () => {
    const text = { type: 'object', required: ['text'], properties: { text: { type: 'string' } } };
    const contributions = readContributions({
      contributes: {
        tools: [{ name: 'save-note', input: text, output: { type: 'number' } }],
        commands: [{ name: 'note' }],
      },
      rpc: { methods: { list_all: { output: text } } },
    });
    const generated = await generateAuthorTypes({ customHooks: [], contributions });
    expect(generated).toContain('export interface ToolSaveNoteInput {');
    expect(generated).toContain('export type ToolSaveNoteOutput = number;');
    expect(generated).toContain(
      "readonly 'save-note': { readonly input: ToolSaveNoteInput; readonly output: ToolSaveNoteOutput };",
    );
    expect(generated).toContain(
      "readonly 'note': { readonly input: import('@bulkhead/sdk').JsonObject; readonly output: unknown };",
    );
    expect(generated).toContain(
      "readonly 'list_all': { readonly input: import('@bulkhead/sdk').JsonValue; readonly output: RpcListAllOutput };",
    );
    expect(await generateAuthorTypes({ customHooks: [], contributions: NONE })).toContain(
      'readonly tools: {};',
    );
  });

  it('does not read a file that a schema refers to', async () => {
    const outside = { type: 'object', properties: { a: { $ref: '/etc/hostname' } } };
    await expect(
      generateAuthorTypes({ configSchema: outside, customHooks: [], contributions: NONE }),
    ).rejects.toThrow();
  });
});
