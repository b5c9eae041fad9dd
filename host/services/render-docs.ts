import * as contract from '@bulkhead/proto/host';
import { NO_SCOPE, scopesOf, type ScopedService } from '@bulkhead/proto/host';
import { SCOPES } from '@bulkhead/proto/rules/schema';
import { DEFAULT_SERVICE_BUDGETS } from '../config/service-budgets.js';
import { callClass, rateOf, type CallClass } from './service-limits.js';

/** docs/scopes.md, from the options of the RPCs themselves. */
export function renderScopeDocs(): string {
  const methods = services().flatMap((service) => [...scopesOf(service)]);
  const open = methods.filter(([, scope]) => scope === NO_SCOPE).map(([path]) => nameOf(path));
  const rows = Object.entries(SCOPES).map(([scope, meaning]) => {
    const paths = methods.filter(([, needed]) => needed === scope).map(([path]) => `\`${nameOf(path)}\``);
    return `| \`${scope}\` | ${meaning} | ${paths.join(', ') || '—'} | ${budget(callClass(scope))} |`;
  });
  return `# Scopes

<!-- Generated from the scope options in proto/proto/bulkhead/host/v1. Change those, then: vitest run host/services/docs.test.ts -u -->

A plugin asks for scopes in \`permissions.services\` of its manifest, and an operator grants them, or fewer
([grants.md](grants.md)). Each call of the Service API needs one: it is written as an option on the RPC in the .proto, the
guard before every call reads it there, and so does this page. A call without it is PERMISSION_DENIED, names the scope, and
stands in the audit log. \`kv.readwrite\` includes \`kv.read\`. A scope without a call of its own decides what other calls show.

| scope | opens | calls | budget of one plugin |
| --- | --- | --- | --- |
${rows.join('\n')}

Without a scope: ${open.map((name) => `\`${name}\``).join(', ')}; its rate is that of the plugin's log.

A call counts as its bytes where these are more than its operations: each 1 KiB of a request to \`KvService\` and each 32 KiB of
another request count as one, each 4 KiB of an answer of \`KvService\` and each 32 KiB of another answer as one more. What an answer
costs is known afterwards, and is waited for before the next call.

A budget is a bucket: it is full after a quiet time, so that many calls may come at once. It belongs to the configured entry;
instances share it, and a restart does not fill it. The calls of one kind share one budget: key-value operations, reads, and
changes. Past it a call is RATE_LIMITED (gRPC: RESOURCE_EXHAUSTED) with the time to wait in \`retry_after_ms\`, and its answer is held back for up to a
second, so that asking again and again costs the plugin more than the host. No other plugin notices.
\`services.limits\` in [bulkhead.yaml](configuration.md) sets budgets for all plugins, \`service_limits\` of an entry for one.
`;
}

function services(): readonly ScopedService[] {
  return Object.entries(contract).flatMap(([name, value]) =>
    name.endsWith('Definition') && isService(value) ? [value] : [],
  );
}

function isService(value: unknown): value is ScopedService {
  return typeof value === 'object' && value !== null && 'fullName' in value && 'methods' in value;
}

/** `/bulkhead.host.v1.KvService/Get` as `KvService.Get`. */
function nameOf(path: string): string {
  return path.replace(/^\/bulkhead\.host\.v1\./, '').replace('/', '.');
}

const UNIT: Readonly<Record<number, string>> = { 1_000: 's', 60_000: 'min' };

function budget(kind: CallClass): string {
  if (kind === 'free') return '—';
  const { count, perMs } = rateOf(kind, DEFAULT_SERVICE_BUDGETS);
  return `${count.toLocaleString('en')}/${UNIT[perMs] ?? `${perMs} ms`} (${kind})`;
}
