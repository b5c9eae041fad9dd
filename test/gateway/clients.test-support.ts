import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
  type StandardSchemaV1,
} from '@modelcontextprotocol/client';
import { Client as FirstClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as FirstTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  PromptListChangedNotificationSchema,
  ResourceListChangedNotificationSchema,
  ResourceUpdatedNotificationSchema,
  ResultSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';

export type ClientKind = 'first line' | 'second line, sessions' | 'second line, stateless';

export interface Notice {
  readonly method: string;
  readonly params: Record<string, unknown> | undefined;
}

/** What the tests need of a client, whichever package it is from. */
export interface TestClient extends AsyncDisposable {
  request(
    method: string,
    params?: Record<string, unknown>,
    options?: RequestOptions,
  ): Promise<Record<string, unknown>>;
  readonly notices: readonly Notice[];
  /** Only the stateless kind: notifications on a request that stays open. */
  listen(filter: {
    toolsListChanged?: boolean;
    resourceSubscriptions?: string[];
  }): Promise<{ close(): Promise<void> }>;
}

export interface RequestOptions {
  readonly signal?: AbortSignal;
  readonly onprogress?: (progress: {
    readonly progress: number;
    readonly total?: number | undefined;
  }) => void;
}

export interface ClientOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Answers what an upstream asks. */
  readonly answer?: (method: string, params: unknown) => Record<string, unknown>;
}

const CAPABILITIES = { sampling: {}, elicitation: {}, roots: {} } as const;
/** Takes an answer as it is, for a package that insists on a schema. */
const LOOSE: StandardSchemaV1<Record<string, unknown>> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) => ({ value: value as Record<string, unknown> }),
  },
};

export async function connectClient(
  kind: ClientKind,
  url: string,
  options: ClientOptions = {},
): Promise<TestClient> {
  return kind === 'first line' ? connectFirst(url, options) : connectSecond(kind, url, options);
}

async function connectFirst(url: string, options: ClientOptions): Promise<TestClient> {
  const client = new FirstClient(
    { name: 'first', version: '1.0.0' },
    { capabilities: options.answer ? CAPABILITIES : {} },
  );
  const notices: Notice[] = [];
  for (const schema of [
    ToolListChangedNotificationSchema,
    PromptListChangedNotificationSchema,
    ResourceListChangedNotificationSchema,
    ResourceUpdatedNotificationSchema,
    LoggingMessageNotificationSchema,
  ]) {
    client.setNotificationHandler(schema, (notice) => {
      notices.push(notice as Notice);
    });
  }
  const { answer } = options;
  if (answer !== undefined) {
    for (const schema of [CreateMessageRequestSchema, ElicitRequestSchema, ListRootsRequestSchema]) {
      client.setRequestHandler(schema, (request) => answer(request.method, request.params));
    }
  }
  const transport = new FirstTransport(new URL(url), { requestInit: { headers: { ...options.headers } } });
  // The package's own declaration does not fit exactOptionalPropertyTypes.
  await client.connect(transport as Parameters<typeof client.connect>[0]);
  return {
    notices,
    listen: () => Promise.reject(new Error('the first line has no such request')),
    request: (method, params, request) =>
      client.request({ method, ...(params === undefined ? {} : { params }) }, ResultSchema, { ...request }),
    async [Symbol.asyncDispose]() {
      await transport.terminateSession();
      await client.close();
    },
  };
}

async function connectSecond(kind: ClientKind, url: string, options: ClientOptions): Promise<TestClient> {
  const stateless = kind === 'second line, stateless';
  const client = new ModernClient(
    { name: 'second', version: '1.0.0' },
    {
      capabilities: options.answer ? CAPABILITIES : {},
      versionNegotiation: { mode: stateless ? { pin: '2026-07-28' } : 'legacy' },
    },
  );
  const notices: Notice[] = [];
  client.fallbackNotificationHandler = async (notice) => {
    notices.push(notice as Notice);
    await Promise.resolve();
  };
  const { answer } = options;
  if (answer !== undefined) {
    for (const method of ['sampling/createMessage', 'elicitation/create', 'roots/list'] as const) {
      client.setRequestHandler(method, ((request: { params?: unknown }) =>
        answer(method, request.params)) as never);
    }
  }
  const transport = new ModernTransport(new URL(url), { requestInit: { headers: { ...options.headers } } });
  await client.connect(transport);
  return {
    notices,
    listen: (filter) => client.listen(filter),
    request: (method, params, request) =>
      client.request({ method, ...(params === undefined ? {} : { params }) }, LOOSE, { ...request }),
    async [Symbol.asyncDispose]() {
      if (!stateless) await transport.terminateSession();
      await client.close();
    },
  };
}

/** The text of a tool result's first block. */
export function textOf(result: Record<string, unknown>): string {
  const content = result['content'];
  const first: unknown = Array.isArray(content) ? content[0] : undefined;
  return typeof first === 'object' && first !== null && 'text' in first ? String(first.text) : '';
}
