import http, { type AgentOptions, type ClientRequest } from 'node:http';
import https from 'node:https';
import { syncBuiltinESMExports } from 'node:module';
import { connect, type Socket } from 'node:net';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { ProxyAgent, setGlobalDispatcher } from 'undici';

/** As Node's own agents are. */
const AGENT: AgentOptions = { keepAlive: true, scheduling: 'lifo', timeout: 5_000 };

/**
 * Does what `http.setGlobalProxyFromEnv` does, for a Node that has none: `fetch` and WebSocket take their dispatcher from
 * a place that undici shares with the one inside Node; node:http and node:https take whichever agent is the global one.
 */
export function proxyOlderClients(url: string): void {
  setGlobalDispatcher(new ProxyAgent(url));
  http.globalAgent = agentThrough(url, 'http:');
  https.globalAgent = agentThrough(url, 'https:');
  // For `import { globalAgent } from 'node:https'`.
  syncBuiltinESMExports();
}

function agentThrough(url: string, protocol: 'http:' | 'https:'): HttpsProxyAgent<string> {
  class ProxiedAgent extends HttpsProxyAgent<string> {
    /** Without options it is what Node makes for a request with `agent: false`. */
    constructor(options?: AgentOptions) {
      super(url, options);
    }

    /** The library would look for it on the stack of its caller. */
    override isSecureEndpoint(): boolean {
      return protocol === 'https:';
    }

    override connect(
      request: ClientRequest,
      options: Parameters<HttpsProxyAgent<string>['connect']>[1],
    ): Promise<Socket> {
      // A socket in the file system is no network.
      if ('socketPath' in options && typeof options.socketPath === 'string')
        return Promise.resolve(connect(options.socketPath));
      return super.connect(request, options);
    }
  }
  return new ProxiedAgent(AGENT);
}
