import { definePlugin, deny, type LlmObject, type NewObject, type ObjectHookContext } from '@bulkhead/sdk';
import type { LlmValidatorConfig } from './config.js';
import { endpointFault } from './endpoints.js';

interface Fault {
  readonly code: string;
  readonly reason: string;
}

const UNPROCESSABLE = 422;

export default definePlugin<LlmValidatorConfig>(() => ({
  objectHooks: {
    llm: {
      priority: 5,
      before_create: validate,
      before_update: validate,
    },
  },
}));

function validate(llm: NewObject<'llm'>, ctx: ObjectHookContext<'llm', LlmValidatorConfig>) {
  const faults = faultsOf(llm, ctx.config);
  const [first] = faults;
  if (first === undefined) {
    // Says later, beside the LLM, that it was looked at and under which rules.
    ctx.metadata.set('validated', { operation: ctx.operationId, vendor: llm.vendor });
    return undefined;
  }
  ctx.log.info('an LLM was refused', { slug: llm.slug, faults: faults.map(({ code }) => code) });
  return deny({
    code: first.code,
    reason: faults.map(({ reason }) => reason).join('; '),
    http_status_code: UNPROCESSABLE,
    details: { faults },
  });
}

function faultsOf(llm: NewObject<'llm'>, config: LlmValidatorConfig): readonly Fault[] {
  const { required_fields: required, allowed_vendors: vendors } = config;
  const missing = required.filter((field) => isEmpty(llm[field]));
  const vendor = llm.vendor.toLowerCase();
  const known = vendors.length === 0 || vendors.some((name) => name.toLowerCase() === vendor);
  const endpoint =
    llm.endpoint === undefined
      ? undefined
      : endpointFault(llm.endpoint, config.allowed_endpoints, config.require_https);
  return [
    ...missing.map((field) => ({ code: 'LLM_FIELD_MISSING', reason: `'${field}' is missing` })),
    ...(known
      ? []
      : [
          {
            code: 'LLM_VENDOR_NOT_ALLOWED',
            reason: `vendor '${llm.vendor}' is not allowed; allowed are ${vendors.join(', ')}`,
          },
        ]),
    ...(endpoint === undefined ? [] : [{ code: 'LLM_ENDPOINT_NOT_ALLOWED', reason: endpoint }]),
  ];
}

function isEmpty(value: LlmObject[keyof LlmObject] | undefined): boolean {
  return value === undefined || value === '' || (Array.isArray(value) && value.length === 0);
}
