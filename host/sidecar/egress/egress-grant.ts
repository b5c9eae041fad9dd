import { networkRules, parsePrivateRule } from '@bulkhead/proto/rules';
import type { EgressRules } from './resolve.js';

/** A plugin's network grant as texts. */
export interface EgressGrant {
  /** `host:port` and `*.host:port`. */
  readonly allow: readonly string[];
  /** Names, addresses and ranges outside the public internet that an operator opened. */
  readonly allowPrivate: readonly string[];
}

/** The lines were checked before; one that is none opens nothing. */
export function egressRules({ allow, allowPrivate }: EgressGrant): EgressRules {
  return {
    allow: networkRules(allow),
    allowPrivate: allowPrivate.flatMap((line) => {
      const parsed = parsePrivateRule(line);
      return parsed.ok ? [parsed.rule] : [];
    }),
  };
}
