import { describe, expect, it } from 'vitest';
import { testPlugin } from '@bulkhead/sdk/testing';
import type { JsonObject, LlmObject } from '@bulkhead/sdk';
import plugin from './index.js';

const GOOD: Partial<LlmObject> = {
  name: 'GPT',
  slug: 'gpt',
  vendor: 'openai',
  endpoint: 'https://api.openai.com/v1',
  models: ['gpt-5'],
};

async function create(config: JsonObject, llm: Partial<LlmObject>) {
  const t = await testPlugin(plugin, { manifest: new URL('plugin.yaml', import.meta.url), config });
  const created = await t.objectHook('llm', 'before_create', llm, { operationId: 'op1' });
  const updated = await t.objectHook('llm', 'before_update', llm, { previous: GOOD });
  expect(updated.violation).toEqual(created.violation);
  await t.shutdown();
  return created;
}

describe('llm-validator', () => {
  it('lets through what keeps to the rules, and notes that it looked', async () => {
    const config = { allowed_vendors: ['OpenAI'], allowed_endpoints: ['api.openai.com'] };
    expect(await create(config, GOOD)).toMatchObject({
      allowed: true,
      changed: false,
      metadata: { validated: { operation: 'op1', vendor: 'openai' } },
    });
  });

  it('allows everything that is an HTTPS endpoint without rules', async () => {
    expect((await create({}, { ...GOOD, vendor: 'anyone' })).allowed).toBe(true);
    const { endpoint: _none, ...without } = GOOD;
    expect((await create({}, without)).allowed).toBe(true);
  });

  it('refuses a vendor that is not listed, with a reason for the user and 422', async () => {
    const { violation } = await create(
      { allowed_vendors: ['openai', 'mistral'] },
      { ...GOOD, vendor: 'evil' },
    );
    expect(violation).toMatchObject({
      code: 'LLM_VENDOR_NOT_ALLOWED',
      reason: "vendor 'evil' is not allowed; allowed are openai, mistral",
      http_status_code: 422,
    });
  });

  it('names every field that is missing', async () => {
    const { violation } = await create(
      { required_fields: ['description', 'models'] },
      { ...GOOD, models: [], description: '' },
    );
    expect(violation).toMatchObject({
      code: 'LLM_FIELD_MISSING',
      reason: "'description' is missing; 'models' is missing",
    });
  });

  it.each([
    ['https://api.openai.com.evil.example/', 'another host that begins alike'],
    ['https://api.openai.com@evil.example/', 'a user name that looks like a host'],
    ['https://evil.example/?api.openai.com', 'a query'],
    ['https://api.openai.com:8443/', 'another port'],
    ['http://api.openai.com/', 'no TLS'],
    ['ftp://api.openai.com/', 'another protocol'],
    ['https://example.com/', 'the domain itself of a wildcard'],
    ['https://badexample.com/', 'a name that ends alike'],
    ['no url', 'no URL'],
  ])('refuses %s: %s', async (endpoint) => {
    const config = { allowed_endpoints: ['api.openai.com', '*.example.com'] };
    expect((await create(config, { ...GOOD, endpoint })).violation?.code).toBe('LLM_ENDPOINT_NOT_ALLOWED');
  });

  it.each(['https://API.openai.com/v1', 'https://a.b.example.com', 'http://localhost:11434/v1'])(
    'allows %s',
    async (endpoint) => {
      const config = { allowed_endpoints: ['api.openai.com', '*.example.com', 'localhost:11434'] };
      expect((await create(config, { ...GOOD, endpoint })).violation).toBeUndefined();
    },
  );

  it('allows plain HTTP where the operator says so', async () => {
    expect(
      (await create({ require_https: false }, { ...GOOD, endpoint: 'http://llm.internal/' })).allowed,
    ).toBe(true);
  });
});
