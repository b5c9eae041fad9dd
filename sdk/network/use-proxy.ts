import http from 'node:http';

const PROXY_VARIABLES = ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy'] as const;
const EXCEPTION_VARIABLES = ['NO_PROXY', 'no_proxy'] as const;

/** What of node:http is new: before 24.14 a Node cannot put its own clients behind a proxy from within. */
export type ProxyPlatform = Partial<Pick<typeof http, 'setGlobalProxyFromEnv'>>;

/** Puts the platform's clients and the libraries that read the usual variables behind a proxy. */
export async function useProxy(
  url: string,
  env: Record<string, string | undefined>,
  platform: ProxyPlatform = http,
): Promise<void> {
  for (const name of PROXY_VARIABLES) env[name] = url;
  // Without the proxy there is nothing to reach, so nothing is an exception.
  for (const name of EXCEPTION_VARIABLES) delete env[name];
  if (platform.setGlobalProxyFromEnv !== undefined) {
    platform.setGlobalProxyFromEnv({ http_proxy: url, https_proxy: url });
    return;
  }
  // Several libraries, in a file of their own: only an older Node reads it.
  const { proxyOlderClients } = await import('./older-clients.js');
  proxyOlderClients(url);
}
