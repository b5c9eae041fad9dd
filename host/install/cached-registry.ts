import { createReadStream } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { DependencyLockfile } from './dependency-lockfile.js';
import type { PackageCache } from './package-cache.js';

/** Serves the tarballs of one lockfile from the cache, on loopback, to the package manager and for one installation. */
export interface CachedRegistry {
  readonly url: string;
  close(): Promise<void>;
}

/** undefined when a tarball is not in the cache: then a real registry is needed. */
export async function serveFromCache(
  lockfile: DependencyLockfile,
  cache: PackageCache,
): Promise<CachedRegistry | undefined> {
  const files = new Map<string, string>();
  for (const { name, version, integrity } of lockfile.packages) {
    const file = await cache.find(integrity);
    if (file === undefined) return undefined;
    files.set(`/${name}/-/${name.split('/').at(-1) ?? name}-${version}.tgz`, file);
  }
  const server = createServer((request, response) => {
    send(files.get(decodeURIComponent((request.url ?? '').split('?')[0] ?? '')), response);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

function send(file: string | undefined, response: ServerResponse): void {
  if (file === undefined) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { 'content-type': 'application/octet-stream' });
  createReadStream(file)
    .on('error', () => response.destroy())
    .pipe(response);
}
