import { describe, expect, it } from 'vitest';
import { generateAuthorTypes } from './author-types.js';

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
    const text = await generateAuthorTypes({ configSchema: schema, customHooks: [] });
    expect(text).toContain('export interface Config {');
    expect(text).not.toContain('SettingsOfTheFilter');
    expect(text).toContain('readonly config: Config;');
  });

  it('makes a key with a default one that is always there, at every depth', async () => {
    const text = await generateAuthorTypes({ configSchema: schema, customHooks: [] });
    expect(text).toContain("mode: 'redact' | 'block';");
    expect(text).toContain('max: number;');
    expect(text).toContain('min?: number;');
    expect(text).toContain('limits?: {');
  });

  it('allows no key that the schema does not name', async () => {
    const text = await generateAuthorTypes({ configSchema: schema, customHooks: [] });
    expect(text).not.toContain('[k: string]');
  });

  it('takes no configuration for a manifest without a schema', async () => {
    const text = await generateAuthorTypes({ customHooks: [] });
    expect(text).toContain('export type Config = Readonly<Record<string, never>>;');
  });

  it('adds the payload of each custom hook', async () => {
    const payload = { type: 'object', required: ['text'], properties: { text: { type: 'string' } } };
    const text = await generateAuthorTypes({ customHooks: [{ name: 'mail_sent', payload }] });
    expect(text).toContain('export interface MailSentPayload {');
    expect(text).toContain('readonly mail_sent: MailSentPayload;');
  });

  it('does not read a file that a schema refers to', async () => {
    const outside = { type: 'object', properties: { a: { $ref: '/etc/hostname' } } };
    await expect(generateAuthorTypes({ configSchema: outside, customHooks: [] })).rejects.toThrow();
  });
});
