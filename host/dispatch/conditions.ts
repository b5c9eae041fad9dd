import type { HookSpec, Payload } from '@bulkhead/proto/rules';
import type { Conditions } from '../manifest/manifest.js';
import type { RequestContext } from './invocation.js';
import { compileGlob, isGlob } from './name-glob.js';

/** Whether a registration runs on this payload and request. */
export type Matcher = (payload: Payload, context: RequestContext) => boolean;

type Test = (value: string) => boolean;

/** The field of the payload that a key looks at. */
const SUBJECT_FIELD = { tools: 'name', prompts: 'prompt_id', resources: 'uri', agents: 'agent_id' } as const;

/** The field that says what a call of the hook is about, for conditions and for counts per tool. */
export function subjectField(spec: HookSpec): string | undefined {
  return Object.values(SUBJECT_FIELD).find((field) => Object.hasOwn(spec.fields, field));
}

/**
 * Compiles conditions once, when the index is built: AND within an object, OR across objects.
 * A value that the request does not have matches no condition.
 *
 * @returns undefined when there are none: the registration always runs
 */
export function compileConditions(conditions: readonly Conditions[]): Matcher | undefined {
  const alternatives = conditions.map(compileOne);
  const [only] = alternatives;
  if (only === undefined || alternatives.length === 1) return only;
  return (payload, context) => alternatives.some((matches) => matches(payload, context));
}

function compileOne(conditions: Conditions): Matcher {
  const tests: Matcher[] = [];
  const on = (
    patterns: readonly string[] | undefined,
    read: (payload: Payload, context: RequestContext) => unknown,
  ): void => {
    if (patterns === undefined) return;
    const test = anyOf(patterns);
    tests.push((payload, context) => {
      const value = read(payload, context);
      return typeof value === 'string' && value !== '' && test(value);
    });
  };
  on(conditions.server_ids, (_payload, context) => context.serverId);
  on(conditions.tenant_ids, (_payload, context) => context.tenantId);
  on(conditions.prompts, (payload) => payload[SUBJECT_FIELD.prompts]);
  on(conditions.resources, (payload) => payload[SUBJECT_FIELD.resources]);
  on(conditions.agents, (payload) => payload[SUBJECT_FIELD.agents]);
  on(conditions.content_types?.map(mediaType), (_payload, context) =>
    context.contentType === undefined ? undefined : mediaType(context.contentType),
  );
  if (conditions.tools !== undefined) tests.push(toolMatcher(conditions.tools));
  if (conditions.user_patterns !== undefined) tests.push(userMatcher(conditions.user_patterns));
  return (payload, context) => tests.every((test) => test(payload, context));
}

/** `echo` means that tool on any server, `server/echo` on that one; each part may be a glob. */
function toolMatcher(patterns: readonly string[]): Matcher {
  const byName = anyOf(patterns);
  const qualified = patterns
    .filter((pattern) => pattern.includes('/'))
    .map((pattern) => {
      const slash = pattern.indexOf('/');
      return { server: anyOf([pattern.slice(0, slash)]), tool: anyOf([pattern.slice(slash + 1)]) };
    });
  return (payload, context) => {
    const name = payload[SUBJECT_FIELD.tools];
    if (typeof name !== 'string') return false;
    // A tool's own name may hold a slash, so a pattern with one is tried both ways.
    if (byName(name)) return true;
    const { serverId } = context;
    return serverId !== undefined && qualified.some(({ server, tool }) => server(serverId) && tool(name));
  };
}

/** Against id and e-mail address; the case of an address does not count. */
function userMatcher(patterns: readonly string[]): Matcher {
  const byId = anyOf(patterns);
  const byEmail = anyOf(patterns.map((pattern) => pattern.toLowerCase()));
  return (_payload, { user }) =>
    user !== undefined &&
    (byId(user.id) || (user.email !== undefined && user.email !== '' && byEmail(user.email.toLowerCase())));
}

function mediaType(value: string): string {
  const semicolon = value.indexOf(';');
  return (semicolon === -1 ? value : value.slice(0, semicolon)).trim().toLowerCase();
}

function anyOf(patterns: readonly string[]): Test {
  const exact = new Set(patterns);
  const globs = patterns.filter(isGlob).map(compileGlob);
  if (globs.length === 0) return (value) => exact.has(value);
  return (value) => exact.has(value) || globs.some((matches) => matches(value));
}
