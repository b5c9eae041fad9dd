import type { JsonObject } from '@bulkhead/proto/json';
import { upstreamTool } from '../../tools/kinds/upstream-tool.js';
import type { Tool } from '../../tools/tool.js';
import type { Log } from '../../upstream/log.js';
import type { Upstream } from '../../upstream/upstream.js';
import type { Upstreams } from '../../upstream/upstreams.js';
import type { Contributed } from './contributed.js';
import { joinedList } from './joined-list.js';
import { LISTS, type ListMethod } from './lists.js';
import { joinName, splitName } from './names.js';
import { createResourceOwners } from './resource-owners.js';
import { EVERYTHING, upstreamPrompt, type PromptTarget, type Scope, type Target } from './scope.js';

/** Instructions of one server in the joined text. */
const MAX_INSTRUCTION_CHARS = 4_000;

/**
 * All upstreams and what plugins contribute as one: tools and prompts are `<server>__<name>`, resources keep their URIs.
 */
export function createJoinedScope(upstreams: Upstreams, contributed: Contributed, log: Log): Scope {
  const owners = createResourceOwners(() => upstreams.all);
  upstreams.listen((upstream, event) => {
    const changed = event.kind === 'list_changed' && event.list === 'resources';
    if (changed || event.kind === 'state') owners.forget(upstream);
  });

  function rename(method: ListMethod, upstream: Upstream, item: JsonObject): JsonObject | undefined {
    const key =
      method === 'resources/list' ? 'uri' : method === 'resources/templates/list' ? 'uriTemplate' : 'name';
    const name = item[key];
    if (typeof name !== 'string') return item;
    if (method === 'tools/list' && !contributed.showsTool(upstream.name, name)) return undefined;
    return { ...item, [key]: key === 'name' ? joinName(upstream.name, name) : owners.nameOf(upstream, name) };
  }

  /** A tool that needs nothing of the store. */
  const fixedTool = (name: string): Tool | undefined =>
    contributed.tool(name) ?? upstreamToolOf(splitName(upstreams.all, name));

  return {
    get upstreams() {
      return upstreams.all;
    },
    capabilities: () => EVERYTHING,
    instructions: () => {
      const parts = upstreams.all.flatMap(({ name, instructions }) =>
        instructions === undefined ? [] : [`# ${name}\n\n${instructions.slice(0, MAX_INSTRUCTION_CHARS)}`],
      );
      return parts.length === 0 ? undefined : parts.join('\n\n');
    },
    async list(method, params, request) {
      if (LISTS[method].capability === 'resources') await owners.learn(request);
      if (method === 'tools/list') await contributed.refresh();
      const cursor = params?.['cursor'];
      return joinedList(method, typeof cursor === 'string' ? cursor : undefined, {
        upstreams: upstreams.all,
        first: contributed.items(method),
        request,
        rename: (upstream, item) => rename(method, upstream, item),
        onSkip: (upstream, error) => {
          log.warn(
            { upstream: upstream.name, method, err: error },
            'gateway: an upstream is left out of a list',
          );
        },
      });
    },
    tool: (name) => fixedTool(name) ?? contributed.objectTool(name),
    async findTool(name) {
      const fixed = fixedTool(name);
      if (fixed !== undefined) return fixed;
      await contributed.refresh();
      return contributed.objectTool(name);
    },
    prompt: (name) => contributed.prompt(name) ?? upstreamPromptOf(splitName(upstreams.all, name)),
    completes: (name) => splitName(upstreams.all, name),
    resource: (uri, request) => owners.find(uri, request),
    uriOf: (upstream, uri) => owners.nameOf(upstream, uri),
    fallback: undefined,
  };
}

function upstreamToolOf(target: Target | undefined): Tool | undefined {
  return target && upstreamTool(target.upstream, target.name);
}

function upstreamPromptOf(target: Target | undefined): PromptTarget | undefined {
  return target && upstreamPrompt(target.upstream, target.name);
}
