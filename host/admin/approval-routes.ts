import { APPROVAL_STATES, type ApprovalState } from '../tools/approvals/approval.js';
import type { Approvals } from '../tools/approvals/approvals.js';
import type { ApiRoutes } from './api.js';

const MAX_REASON_CHARS = 1_000;

const listQuery = {
  type: 'object',
  additionalProperties: false,
  properties: { state: { enum: APPROVAL_STATES } },
};
const decision = {
  type: 'object',
  additionalProperties: false,
  required: ['decision'],
  properties: {
    decision: { enum: ['approve', 'deny'] },
    reason: { type: 'string', maxLength: MAX_REASON_CHARS, default: '' },
  },
};

/** `/approvals`: the calls of tools that wait for an operator, and what operators decided. */
export function approvalRoutes(approvals: Pick<Approvals, 'list' | 'get' | 'decide'>): ApiRoutes {
  return (app) => {
    app.get<{ Querystring: { state?: ApprovalState } }>(
      '/approvals',
      { config: { role: 'operator' }, schema: { querystring: listQuery } },
      async ({ query }) => ({ approvals: await approvals.list(query.state) }),
    );
    app.get<{ Params: { id: string } }>(
      '/approvals/:id',
      { config: { role: 'operator' } },
      async ({ params }) => approvals.get(params.id),
    );
    app.post<{ Params: { id: string }; Body: { decision: 'approve' | 'deny'; reason: string } }>(
      '/approvals/:id',
      { config: { role: 'operator' }, schema: { body: decision } },
      async ({ params, body, caller }) =>
        approvals.decide(params.id, body.decision, body.reason, caller.actor),
    );
  };
}
