import type { HookContext, JsonValue } from '@bulkhead/sdk';

/** What an entry is made from: the request's context, and the payload's members by name. */
export interface Seen {
  readonly hook: string;
  /** What was asked for: a tool, a prompt, a resource, an agent. */
  readonly target: string;
  readonly fields: Readonly<Record<string, JsonValue>>;
}

type Context = Pick<
  HookContext,
  'requestId' | 'tenantId' | 'serverId' | 'appId' | 'user' | 'outcome' | 'traceparent'
>;

export interface EntryOptions {
  readonly withFields: boolean;
  readonly maxFieldBytes: number;
  readonly redact: (value: JsonValue) => string;
}

/** Longer texts from a request are cut, so that one request cannot fill the disk with its name. */
const MAX_TEXT = 1_000;

/** One line of the log, with its line break. */
export function createEntry(seen: Seen, ctx: Context, nowMs: number, options: EntryOptions): string {
  const { outcome } = ctx;
  const entry = {
    time: new Date(nowMs).toISOString(),
    request_id: ctx.requestId,
    hook: seen.hook,
    target: cut(seen.target),
    ...present({
      server: ctx.serverId,
      tenant: ctx.tenantId,
      app: ctx.appId,
      user: ctx.user?.id,
      traceparent: ctx.traceparent,
    }),
    ...(outcome === undefined ? {} : { outcome: outcome.allowed ? 'allowed' : 'denied' }),
    ...present({
      denied_by: outcome?.deniedBy,
      code: outcome?.violation?.code,
      reason: outcome?.violation?.reason,
    }),
  };
  const line = JSON.stringify(entry);
  // The fields' text is already JSON; to parse it again could change its numbers.
  return options.withFields
    ? `${line.slice(0, -1)},"fields":${fieldsText(seen.fields, options)}}\n`
    : `${line}\n`;
}

function fieldsText(fields: Seen['fields'], { redact, maxFieldBytes }: EntryOptions): string {
  const members = Object.entries(fields).map(([name, value]) => {
    const text = redact(value);
    const bytes = Buffer.byteLength(text);
    return `${JSON.stringify(name)}:${bytes > maxFieldBytes ? `{"omitted_bytes":${String(bytes)}}` : text}`;
  });
  return `{${members.join(',')}}`;
}

function present(values: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) =>
      value === undefined || value === '' ? [] : [[name, cut(value)]],
    ),
  );
}

function cut(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}
