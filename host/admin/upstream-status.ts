import type { UpstreamState } from '../upstream/upstream.js';
import type { UpstreamStatus } from './status.js';

/** What an upstream server's state says to a person. */
export function describeUpstream(name: string, transport: string, state: UpstreamState): UpstreamStatus {
  const base = { name, transport, state: state.kind };
  return 'reason' in state ? { ...base, reason: state.reason } : base;
}
