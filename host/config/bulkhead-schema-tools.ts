import type { JsonSchema } from '@bulkhead/proto/rules/schema';
import type { ToolPolicy } from './config.js';

/** `tools` after the schema, defaults filled in. */
export interface ToolsSection {
  readonly expose: readonly { readonly tool: string; readonly policy: ToolPolicy }[];
  readonly approval_wait_ms: number;
  readonly approval_valid_ms: number;
  readonly max_pending_approvals: number;
  readonly allow_private: readonly string[];
}

/** From strictest to least strict: where a tool is listed twice, the strictest holds. */
export const TOOL_POLICIES = ['deny', 'require_approval', 'allow'] as const satisfies readonly ToolPolicy[];

/** The part of the configuration's schema that says which tools there are, and under which policy. */
export const TOOLS_SCHEMA: JsonSchema = {
  type: 'object',
  additionalProperties: false,
  default: {},
  description: 'Which tools there are for callers, and under which policy.',
  properties: {
    expose: {
      type: 'array',
      default: [],
      description:
        "Tools by name. A plugin's tool that is not listed does not exist for any caller; deny wins.",
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['tool', 'policy'],
        properties: {
          tool: {
            type: 'string',
            pattern: '^[^/*]+/[^*]+$',
            'x-expected': '<plugin or server>/<tool>, written out: a star lists nothing',
            description: '`<plugin>/<tool>`, `<server>/<tool>` or `<tool object>/<operation>`.',
          },
          policy: {
            enum: ['allow', 'require_approval', 'deny'],
            description: '`require_approval`: each call waits until an operator approves it.',
          },
        },
      },
    },
    approval_wait_ms: {
      type: 'integer',
      minimum: 0,
      maximum: 600_000,
      default: 45_000,
      description: 'How long a call waits for its approval before it is answered APPROVAL_PENDING.',
    },
    approval_valid_ms: {
      type: 'integer',
      minimum: 1_000,
      maximum: 86_400_000,
      default: 3_600_000,
      description: 'How long an approval can be asked for, and how long after it the same call can be made.',
    },
    max_pending_approvals: {
      type: 'integer',
      minimum: 1,
      maximum: 1_000,
      default: 20,
      description: 'Calls of one app, or of one plugin, that may wait for a decision.',
    },
    allow_private: {
      type: 'array',
      items: { type: 'string' },
      'x-expected': 'a list of texts',
      default: [],
      description: 'Names, addresses and ranges outside the public internet where HTTP tools may go.',
    },
  },
};
