import type { Keys } from '@bulkhead/proto/rules/schema';
import type { Origin, SourceTree } from '../manifest/source-tree.js';

// `$${` is a written-out `${`.
const REFERENCE = /\$\$\{|\$\{(env|secret):([^}]*)\}/g;
const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

export interface ReferenceRules {
  readonly readEnv: (name: string) => string | undefined;
  /** Whether `${env:name}` may be read at a place. */
  readonly mayRead: (name: string, keys: Keys) => boolean;
  /** The value of `${secret:name}` at a place. Absent: secrets cannot be read here. */
  readonly readSecret?: (name: string, keys: Keys, origin: Origin) => string | undefined;
  readonly problem: (keys: Keys, message: string, origin: Origin) => void;
}

/**
 * Replaces `${env:NAME}` and `${secret:name}` in every text of a tree that an operator wrote, and keeps the reference to show instead of the
 * value. `$${env:NAME}` stands for the text `${env:NAME}`. What cannot be resolved is told and left as it is.
 */
export function resolveReferences(tree: SourceTree, rules: ReferenceRules, keys: Keys = []): SourceTree {
  switch (tree.kind) {
    case 'map': {
      const entries = [...tree.entries].map(
        ([key, value]) => [key, resolveReferences(value, rules, [...keys, key])] as const,
      );
      return { ...tree, entries: new Map(entries) };
    }
    case 'list':
      return {
        ...tree,
        items: tree.items.map((item, index) => resolveReferences(item, rules, [...keys, index])),
      };
    case 'value': {
      if (typeof tree.value !== 'string' || !tree.value.includes('${')) return tree;
      let read = false;
      const value = tree.value.replace(
        REFERENCE,
        (whole, kind: string | undefined, name: string | undefined) => {
          if (kind === undefined || name === undefined) return '${';
          const found = resolve(kind, name, rules, keys, tree.origin);
          if (found === undefined) return whole;
          read = true;
          return found;
        },
      );
      return read ? { ...tree, value, shown: tree.value } : { ...tree, value };
    }
  }
}

/** Whether a text holds a reference; for layers in which references are not resolved. */
export function holdsReference(text: string): boolean {
  return [...text.matchAll(REFERENCE)].some((match) => match[1] !== undefined);
}

function resolve(
  kind: string,
  name: string,
  rules: ReferenceRules,
  keys: Keys,
  origin: Origin,
): string | undefined {
  const refuse = (message: string): undefined => {
    rules.problem(keys, message, origin);
  };
  if (kind === 'secret') {
    if (rules.readSecret === undefined) {
      return refuse(
        `\${secret:${name}} cannot be read here: the store, which holds secrets, is opened by what stands here. Use \${env:NAME}.`,
      );
    }
    const value = rules.readSecret(name, keys, origin);
    return (
      value ??
      refuse(
        `there is no secret '${name}'. Give it a value with \`bulkhead secret set ${name}\`, or remove \${secret:${name}}.`,
      )
    );
  }
  if (!ENV_NAME.test(name))
    return refuse(`expected the name of an environment variable in \${env:…}, got '${name}'.`);
  if (!rules.mayRead(name, keys)) {
    return refuse(
      `\${env:${name}} may not be read for a plugin. Add ${name} to host.env_allow to permit it.`,
    );
  }
  const value = rules.readEnv(name);
  return value ?? refuse(`the environment variable ${name} is not set. Set it, or remove \${env:${name}}.`);
}
