import http from 'node:http';

const PROXY_VARIABLES = ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy'] as const;
const EXCEPTION_VARIABLES = ['NO_PROXY', 'no_proxy'] as const;

/**
 * Puts the platform's clients and the libraries that read the usual variables behind a proxy. A Node without
 * `http.setGlobalProxyFromEnv` (before 24.14) leaves its own clients as they are; libraries find the variables.
 */
export function useProxy(url: string, env: Record<string, string | undefined>): void {
  for (const name of PROXY_VARIABLES) env[name] = url;
  // Without the proxy there is nothing to reach, so nothing is an exception.
  for (const name of EXCEPTION_VARIABLES) delete env[name];
  const platform: { setGlobalProxyFromEnv?: typeof http.setGlobalProxyFromEnv } = http;
  platform.setGlobalProxyFromEnv?.({ http_proxy: url, https_proxy: url });
}
