/** What stands in the log where a secret stood. */
export const REDACTED = '[redacted]';

/** Bounds on what one record may hold, so that a log line costs little whatever is logged. */
export interface RedactLimits {
  /** Objects in objects; deeper ones are written as `[…]`. Default: 8. */
  readonly maxDepth: number;
  /** Members over all levels; further ones are left out and said. Default: 500. */
  readonly maxMembers: number;
  /** Characters of one text; the rest is cut and said. Default: 8,192. */
  readonly maxTextLength: number;
  /** Characters of all texts together. Default: 65,536. */
  readonly maxTotalLength: number;
}

export const DEFAULT_REDACT_LIMITS: RedactLimits = {
  maxDepth: 8,
  maxMembers: 500,
  maxTextLength: 8_192,
  maxTotalLength: 65_536,
};

const SECRET =
  /authori[sz]ation|cookie|secret|passw(?:or)?d|passphrase|apikey|credential|privatekey|accesskey|signingkey/;
// Counts of tokens are not secrets, texts under such a key are.
const TOKEN = /token|jwt|bearer/;
const MAX_KNOWN_KEYS = 2_000;
/** Longer keys are judged each time: a plugin chooses them, and they would stay. */
const MAX_KNOWN_KEY_LENGTH = 64;

export type KeyKind = 'plain' | 'secret' | 'token';

// Log keys are few and repeat: judged once each.
const knownKeys = new Map<string, KeyKind>();

/** Whether a key names a secret: `Set-Cookie`, `x_api_key`, `clientSecret`; case, `-` and `_` do not matter. */
export function isSecretKey(key: string): boolean {
  return secretKind(key) !== 'plain';
}

/** What a key names: a secret, perhaps a token, or neither. */
export function secretKind(key: string): KeyKind {
  const known = knownKeys.get(key);
  if (known !== undefined) return known;
  const bare = key.toLowerCase().replace(/[^a-z0-9]/g, '');
  const kind = SECRET.test(bare) ? 'secret' : TOKEN.test(bare) ? 'token' : 'plain';
  if (knownKeys.size < MAX_KNOWN_KEYS && key.length <= MAX_KNOWN_KEY_LENGTH) knownKeys.set(key, kind);
  return kind;
}

interface Budget {
  members: number;
  characters: number;
}

/** A copy fit for a log: secrets replaced at any depth, bounded in depth and size, plain data only. Never throws. */
export function redact(value: object, limits: RedactLimits = DEFAULT_REDACT_LIMITS): Record<string, unknown> {
  const budget: Budget = { members: limits.maxMembers, characters: limits.maxTotalLength };
  const copy = copyOf(value, 0, limits, budget);
  return typeof copy === 'object' && copy !== null && !Array.isArray(copy)
    ? (copy as Record<string, unknown>)
    : { value: copy };
}

function copyOf(value: unknown, depth: number, limits: RedactLimits, budget: Budget): unknown {
  switch (typeof value) {
    case 'string':
      return cut(value, limits, budget);
    case 'bigint':
      return value.toString();
    case 'function':
    case 'symbol':
      return `[${typeof value}]`;
    case 'object':
      return value === null ? null : copyOfObject(value, depth, limits, budget);
    default:
      return value;
  }
}

function copyOfObject(value: object, depth: number, limits: RedactLimits, budget: Budget): unknown {
  if (depth >= limits.maxDepth) return '[…]';
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
  try {
    if (value instanceof Error) return copyOfMembers(membersOfError(value), depth, limits, budget);
    if (value instanceof Map) return copyOfMembers(value.entries(), depth, limits, budget);
    if (Array.isArray(value) || value instanceof Set) return copyOfItems(value, depth, limits, budget);
    if ('toJSON' in value && typeof value.toJSON === 'function') {
      return copyOf(value.toJSON(), depth + 1, limits, budget);
    }
    return copyOfMembers(Object.entries(value), depth, limits, budget);
  } catch (error) {
    return `[unreadable: ${error instanceof Error ? error.message : String(error)}]`;
  }
}

function copyOfItems(
  items: Iterable<unknown>,
  depth: number,
  limits: RedactLimits,
  budget: Budget,
): unknown[] {
  const copy: unknown[] = [];
  for (const item of items) {
    if (budget.members-- <= 0) {
      copy.push('[more]');
      break;
    }
    copy.push(copyOf(item, depth + 1, limits, budget));
  }
  return copy;
}

function copyOfMembers(
  members: Iterable<readonly [unknown, unknown]>,
  depth: number,
  limits: RedactLimits,
  budget: Budget,
): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const [name, value] of members) {
    if (budget.members-- <= 0) {
      copy['[more]'] = true;
      break;
    }
    const key = String(name);
    // Own property even for a key named __proto__.
    Object.defineProperty(copy, key, {
      value: secretOr(key, value) ?? copyOf(value, depth + 1, limits, budget),
      enumerable: true,
    });
  }
  return copy;
}

function secretOr(key: string, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  const kind = secretKind(key);
  if (kind === 'plain') return undefined;
  if (kind === 'token' && (typeof value === 'number' || typeof value === 'boolean')) return undefined;
  return REDACTED;
}

/** An error's members: the hidden ones that matter, then its own. */
function membersOfError(error: Error): [string, unknown][] {
  const hidden: [string, unknown][] = [
    ['type', error.name],
    ['message', error.message],
    ['stack', error.stack],
  ];
  if (error.cause !== undefined) hidden.push(['cause', error.cause]);
  const own = Object.entries(error).filter(([key, value]) => key !== 'name' && !isEmpty(value));
  return [...hidden, ...own];
}

function isEmpty(value: unknown): boolean {
  if (value === undefined) return true;
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function cut(text: string, limits: RedactLimits, budget: Budget): string {
  const room = Math.max(0, Math.min(limits.maxTextLength, budget.characters));
  budget.characters -= Math.min(text.length, room);
  return text.length <= room ? text : `${text.slice(0, room)}[${text.length - room} more characters]`;
}
