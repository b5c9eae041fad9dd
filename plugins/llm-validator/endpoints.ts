const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** What is wrong with an endpoint; undefined: nothing. Hosts are compared as a browser reads them, never as text. */
export function endpointFault(
  endpoint: string,
  allowed: readonly string[],
  requireHttps: boolean,
): string | undefined {
  const url = URL.parse(endpoint);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    return `endpoint '${endpoint}' is no HTTP URL`;
  }
  if (url.username !== '' || url.password !== '') {
    return 'endpoint carries a user name or password; credentials belong into api_key';
  }
  if (requireHttps && url.protocol !== 'https:' && !LOOPBACK.test(url.hostname)) {
    return `endpoint '${endpoint}' must be https://`;
  }
  if (allowed.length === 0 || allowed.some((rule) => matches(rule.toLowerCase(), url))) return undefined;
  return `endpoint host '${url.host}' is not allowed; allowed are ${allowed.join(', ')}`;
}

function matches(rule: string, url: URL): boolean {
  const [host = '', port] = rule.split(':');
  const used = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  // A rule without a port is about the usual one: another port is another service.
  if (used !== (port ?? (url.protocol === 'https:' ? '443' : '80'))) return false;
  if (host.startsWith('*.')) return url.hostname.endsWith(host.slice(1)) && url.hostname !== host.slice(2);
  return url.hostname === host;
}
