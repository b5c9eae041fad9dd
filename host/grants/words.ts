import { OBJECT_HOOKS, OBJECT_TYPES, type ObjectHook, type ObjectType } from '@bulkhead/proto/rules';
import { CONTEXT_PERMISSIONS, SCOPES } from '@bulkhead/proto/rules/schema';

/** What a permission lets a plugin do, in one plain sentence. `name` is one of `permissionNames`. */
export function describePermission(name: string): string {
  const [kind = '', ...rest] = name.split(':');
  const value = rest.join(':');
  switch (kind) {
    case 'services':
      return describeScope(value);
    case 'context':
      return describeContext(value);
    case 'network':
      return `It may talk to ${value} over the network.`;
    case 'secrets':
      return `It may read the secret ${value}.`;
    case 'filesystem':
      return describePath(value);
    case 'subprocess':
      return 'It may start other programs.';
    case 'plugins':
      return `It may change the configuration of the plugin ${value}.`;
    case 'open_routes':
      return 'It may open addresses that anybody can call without a credential.';
    case 'object_hooks':
      return describeObjectHook(value);
    default:
      return `It asks for ${name}.`;
  }
}

function describeScope(scope: string): string {
  const told = new Map<string, string>(Object.entries(SCOPES)).get(scope);
  return told === undefined ? `It may use ${scope} of the host.` : `It may ${lower(told)}`;
}

function describeContext(part: string): string {
  const told = new Map<string, string>(Object.entries(CONTEXT_PERMISSIONS)).get(part);
  if (told === undefined) return `It sees ${part} of each request.`;
  return part.startsWith('write_') ? `It may ${lower(told)}` : `It sees of each request: ${lower(told)}`;
}

function describePath(value: string): string {
  const [access, ...path] = value.split(':');
  const verb = access === 'rw' ? 'read and write' : 'read';
  return `It may ${verb} files under ${path.join(':')}.`;
}

const OBJECT_WORDS = {
  llm: 'LLM',
  datasource: 'data source',
  tool: 'tool',
  user: 'user',
  app: 'app',
} as const satisfies Readonly<Record<ObjectType, string>>;

const MOMENT_WORDS = {
  before_create: (object) => `It sees each ${object} before it is created, and may change or refuse it.`,
  after_create: (object) => `It sees each ${object} after it was created, and may note something on it.`,
  before_update: (object) => `It sees each ${object} before it is updated, and may change or refuse that.`,
  after_update: (object) => `It sees each ${object} after it was updated, and may note something on it.`,
  before_delete: (object) => `It sees each ${object} before it is deleted, and may refuse that.`,
  after_delete: (object) => `It sees each ${object} after it was deleted.`,
} as const satisfies Readonly<Record<ObjectHook, (object: string) => string>>;

/** `llm.before_create`. */
function describeObjectHook(value: string): string {
  const [object, moment] = value.split('.');
  const type = OBJECT_TYPES.find((known) => known === object);
  const hook = OBJECT_HOOKS.find((known) => known === moment);
  return type === undefined || hook === undefined
    ? `It runs the object hook ${value}.`
    : MOMENT_WORDS[hook](OBJECT_WORDS[type]);
}

function lower(sentence: string): string {
  return sentence.startsWith('LLM') ? sentence : sentence.charAt(0).toLowerCase() + sentence.slice(1);
}
