import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { plugin, resolve } from '../config/config.test-support.js';
import { renderLayer } from './pull-config.js';

const by = { kind: 'token', id: 'ada' } as const;
const at = Date.parse('2026-01-02T03:04:05Z');
const guard = plugin({
  name: 'guard',
  config_schema: {
    type: 'object',
    properties: { level: { type: 'string' }, token: { type: 'string', writeOnly: true } },
  },
});

describe('config pull', () => {
  it('prints what stands over the files, and leaves secrets out', async () => {
    const { config } = await resolve({ plugins: { guard: {} } }, { plugins: [guard] });
    const leaves = [
      { path: ['priority'], value: 9, by, at },
      { path: ['config', 'level'], value: null, by, at },
      { path: ['config', 'token'], value: 's3cret', by, at },
      { path: ['config', 'old'], value: 'sealed:1:abc:def', sealed: true, by, at } as const,
      { path: ['config', 'note'], value: '${env:HOME}', by: { kind: 'plugin', id: 'x' } as const, at },
    ];
    const text = renderLayer(new Map([['guard', { version: 3, leaves }]]), config.plugins);
    expect(parse(text)).toEqual({
      plugins: { guard: { priority: 9, config: { level: null, note: '$${env:HOME}' } } },
    });
    expect(text).not.toContain('s3cret');
    expect(text).not.toContain('sealed:');
    expect(text).toContain(
      '# plugins.guard.config.token: token:ada, 2026-01-02T03:04:05.000Z; a secret, left out',
    );
    expect(text).toContain('# plugins.guard.priority: token:ada, 2026-01-02T03:04:05.000Z\n');
  });

  it('says so when there is nothing', () => {
    expect(renderLayer(new Map(), [])).toBe('# Nothing is set in the store.\n');
  });
});
