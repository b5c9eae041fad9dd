import type { JsonObject } from '@bulkhead/proto/json';
import type { JsonSchemaObject } from '@bulkhead/proto/rules';
import type { RequestContext } from '../dispatch/invocation.js';
import type { Actor } from '../telemetry/audit.js';
import type { Caller } from '../upstream/caller.js';

/** The plugin that a tool is of. */
export interface ToolOwner {
  /** The configured entry's name. */
  readonly name: string;
  readonly id: string;
  readonly version: string;
}

/** What a tool is told beside its arguments while it runs. */
export interface ToolRun {
  readonly signal: AbortSignal;
  /** The longest that it may take, in milliseconds; absent: its own bound. */
  readonly timeoutMs?: number;
  readonly context: RequestContext;
  /** To add to an upstream's request; what hooks changed. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The MCP client on whose behalf an upstream asks back. */
  readonly caller?: Caller;
  readonly onProgress?: (params: JsonObject) => void;
}

/** A tool that can be run, of whatever kind. */
export interface Tool {
  /** Where it comes from: an upstream server's name, a plugin's entry, or the id of a tool object. Hooks see it as `server_id`. */
  readonly server: string;
  /** Its own name there. */
  readonly name: string;
  readonly kind: 'mcp' | 'http' | 'plugin';
  /** Of `plugin`. */
  readonly owner?: ToolOwner;
  /**
   * What stands behind the name now, for people: the request of an HTTP tool, the plugin's version. An approval holds for
   * no other. Absent: the name says all that the host knows.
   */
  readonly runs?: string;
  readonly effect: 'read_only' | 'state_changing' | 'unknown';
  /** Checked by whoever runs it; an upstream server checks its own. */
  readonly input?: JsonSchemaObject;
  readonly output?: JsonSchemaObject;
  /** @throws BulkheadError when it cannot be run now; asked before any hook is */
  assertReady(): void;
  /** Runs it. `params` are those of `tools/call`, with the tool's own name. */
  run(params: JsonObject, run: ToolRun): Promise<ToolAnswer>;
  /** The tool that a hook named in its place; undefined when there is none. */
  sibling(name: string): Tool | undefined;
}

export interface ToolAnswer {
  /** A result of `tools/call`. */
  readonly result: JsonObject;
  /** JSON text that the output schema speaks of; absent: nothing is checked. */
  readonly output?: string;
}

/** What policy calls it. */
export function toolId({ server, name }: Pick<Tool, 'server' | 'name'>): string {
  return `${server}/${name}`;
}

/** Who calls without a credential. No app has such an id. */
export const ANONYMOUS: Actor = { kind: 'app', id: '(anonymous)' };

/** Who calls a tool, as policy, approval, audit and events see it. */
export interface ToolCaller {
  readonly actor: Actor;
  readonly appId?: string;
  readonly tenantId?: string;
  readonly userId?: string;
}

/** One call of a tool. */
export interface ToolCall {
  readonly tool: Tool;
  readonly caller: ToolCaller;
  /** Params of `tools/call`, exactly as they came but for the name, which is the tool's own. */
  readonly params: JsonObject;
  /** Of the request that the call is part of, for hooks; `serverId` is the tool's server. */
  readonly context: RequestContext;
  /** Request headers that hooks may see and change. */
  readonly visibleHeaders: Readonly<Record<string, string>>;
  /** Whether the caller's app may use a tool. Absent: every one. */
  readonly mayUse?: (server: string, name: string) => boolean;
  readonly signal: AbortSignal;
  /** Time that the caller gives, in milliseconds. Absent: no bound of its own. */
  readonly timeoutMs?: number;
  /** Of a call that was answered with APPROVAL_PENDING: its id. */
  readonly approvalId?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly upstreamCaller?: Caller;
  readonly onProgress?: (params: JsonObject) => void;
}
