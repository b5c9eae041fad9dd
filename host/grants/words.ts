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

function lower(sentence: string): string {
  return sentence.startsWith('LLM') ? sentence : sentence.charAt(0).toLowerCase() + sentence.slice(1);
}
