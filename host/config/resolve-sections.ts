import { createHash } from 'node:crypto';
import { isAbsolute, resolve } from 'node:path';
import type { Keys } from '@bulkhead/proto/rules/schema';
import type { BulkheadFile, ListenSection, UpstreamSection } from './bulkhead-file.js';
import type { AppConfig, HostConfig, ListenConfig, UpstreamConfig } from './config.js';
import type { Report } from './report.js';

/** Shortest key that an app may have, in characters; shorter ones can be guessed. */
export const MIN_APP_KEY_CHARS = 16;

/** A path as written, absolute. */
export function absolute(baseDirectory: string, path: string): string {
  return isAbsolute(path) ? path : resolve(baseDirectory, path);
}

export function resolveHost(
  file: Pick<BulkheadFile, 'environment' | 'host'>,
  baseDirectory: string,
  report: Report,
): HostConfig['host'] {
  const { host, environment } = file;
  if (host.sandbox === 'off' && environment === 'production') {
    report.problem(
      ['host', 'sandbox'],
      "'off' is refused in production. Use auto, strict or basic, or name another environment.",
    );
  }
  const dataDir = absolute(baseDirectory, host.data_dir);
  return {
    dataDir,
    pluginsDir:
      host.plugins_dir === undefined
        ? resolve(dataDir, 'plugins')
        : absolute(baseDirectory, host.plugins_dir),
    cacheDir:
      host.cache_dir === undefined ? resolve(dataDir, 'cache') : absolute(baseDirectory, host.cache_dir),
    sandbox: host.sandbox,
    pluginUids: host.plugin_uids,
    envAllow: host.env_allow,
    drainTimeoutMs: host.drain_timeout_ms,
    configWrites: host.config_writes,
  };
}

/** An address may hold a password, so no message shows it. */
export function resolveStore(
  { url }: BulkheadFile['store'],
  report: Pick<Report, 'problem'>,
): HostConfig['store'] {
  if (url === undefined) return {};
  const schemes = ['postgres:', 'postgresql:'];
  if (!URL.canParse(url) || !schemes.includes(new URL(url).protocol)) {
    report.problem(
      ['store', 'url'],
      "expected an address such as postgres://user:${env:NAME}@host:5432/database (a password's special characters as %XX), got something else.",
    );
    return {};
  }
  return { url };
}

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/;

export function resolveListen(section: ListenSection, keys: Keys, report: Report): ListenConfig {
  const parsed = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(section.address);
  const host = parsed?.[1] ?? parsed?.[2] ?? '127.0.0.1';
  const port = Number(parsed?.[3] ?? 0);
  if (parsed === null || port > 65_535) {
    report.problem(
      [...keys, 'address'],
      `expected host:port such as 127.0.0.1:7410 or [::1]:7410, got '${section.address}'.`,
    );
  } else if (section.tls !== undefined) {
    report.problem(
      [...keys, 'tls'],
      'TLS is not served yet. Put a proxy in front that ends TLS, and set behind_proxy: true.',
    );
  } else if (!LOOPBACK.test(host) && !section.behind_proxy) {
    report.problem(
      [...keys, 'address'],
      `'${section.address}' is not a loopback address and would take requests without TLS. Put a proxy in front and set behind_proxy: true, or listen on 127.0.0.1.`,
    );
  }
  if (section.trusted_proxies !== undefined) {
    report.notice(
      'NOT_YET_USED',
      [...keys, 'trusted_proxies'],
      'trusted_proxies is accepted; nothing uses it yet.',
    );
  }
  return { host, port, allowedHosts: section.allowed_hosts, behindProxy: section.behind_proxy };
}

export function resolveUpstreams(
  servers: Readonly<Record<string, UpstreamSection>>,
  baseDirectory: string,
  report: Report,
): readonly UpstreamConfig[] {
  return Object.entries(servers).flatMap(([name, server]): readonly UpstreamConfig[] => {
    if (!server.enabled) return [];
    const keys = ['mcp_servers', name];
    const bounds = { name, startTimeoutMs: server.start_timeout_ms, callTimeoutMs: server.call_timeout_ms };
    if ((server.command === undefined) === (server.url === undefined)) {
      report.problem(
        keys,
        'expected either a command (stdio) or a url (Streamable HTTP), not both and not none.',
      );
      return [];
    }
    const strange = (server.url === undefined ? ['headers'] : ['args', 'env', 'cwd']).filter(
      (key) => key in server,
    );
    for (const key of strange) {
      const where = server.url === undefined ? 'a url' : 'a command';
      report.problem([...keys, key], `'${key}' only goes with ${where}.`);
    }
    if (server.command === undefined) {
      return [{ ...bounds, transport: 'http', url: server.url ?? '', headers: server.headers ?? {} }];
    }
    return [
      {
        ...bounds,
        transport: 'stdio',
        command: /^\.{1,2}\//.test(server.command) ? absolute(baseDirectory, server.command) : server.command,
        args: server.args ?? [],
        env: server.env ?? {},
        cwd: absolute(baseDirectory, server.cwd ?? '.'),
      },
    ];
  });
}

export function resolveApps(
  apps: BulkheadFile['apps'],
  isReference: (keys: Keys) => boolean,
  report: Report,
): readonly AppConfig[] {
  const owners = new Map<string, string>();
  return Object.entries(apps ?? {}).map(([id, app]) => {
    const keyHashes = app.keys.flatMap((key, index) => {
      const keys = ['apps', id, 'keys', index];
      const hash = hashOf(key, isReference(keys));
      if (typeof hash !== 'string') {
        report.problem(keys, hash.problem);
        return [];
      }
      const owner = owners.get(hash);
      if (owner !== undefined)
        report.problem(keys, `the key is also one of '${owner}'; each key belongs to one app.`);
      owners.set(hash, id);
      return [hash];
    });
    return {
      id,
      keyHashes,
      assertContext: app.assert_context ?? false,
      ...(app.tenant_id === undefined ? {} : { tenantId: app.tenant_id }),
      ...(app.scopes === undefined ? {} : { scopes: app.scopes }),
    };
  });
}

function hashOf(key: string, isReference: boolean): string | { readonly problem: string } {
  if (/^sha256:[0-9a-f]{64}$/i.test(key)) return key.slice('sha256:'.length).toLowerCase();
  // Never the key itself in a message: it may be a real one.
  if (!isReference)
    return { problem: 'expected ${env:NAME}, or sha256: and 64 hex digits. A key in clear is refused.' };
  if (key.length < MIN_APP_KEY_CHARS)
    return { problem: `expected a key of at least ${MIN_APP_KEY_CHARS} characters, got ${key.length}.` };
  return createHash('sha256').update(key).digest('hex');
}
