import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { create, Header } from 'tar';
import { runServer } from 'verdaccio';

const BLOCK_BYTES = 512;

/** A package to publish: what stands in package.json besides name and version, and its files. */
export interface Published {
  readonly name: string;
  readonly version: string;
  readonly described?: Readonly<Record<string, unknown>>;
  readonly files: Readonly<Record<string, string>>;
  /** Files that may be run. */
  readonly executable?: readonly string[];
}

/** An npm registry on loopback, with nothing behind it. */
export interface TestRegistry extends AsyncDisposable {
  readonly url: string;
  publish(wanted: Published): Promise<void>;
  /** Changes the bytes of a published tarball, and nothing that the registry says of it. */
  tamper(name: string, version: string): Promise<void>;
  /** Changes what the registry says of a version. */
  redescribe(name: string, version: string, change: (dist: Record<string, unknown>) => void): Promise<void>;
  /** Paths that were asked for since it started. */
  readonly asked: readonly string[];
  close(): Promise<void>;
}

export async function startRegistry(): Promise<TestRegistry> {
  const folder = await mkdtemp(join(tmpdir(), 'registry-'));
  const storage = join(folder, 'storage');
  const server = (await runServer({
    storage,
    self_path: folder,
    auth: { htpasswd: { file: join(folder, 'htpasswd') } },
    packages: { '**': { access: '$all', publish: '$anonymous', unpublish: '$anonymous' } },
    log: { type: 'stdout', level: 'fatal' },
    max_body_size: '100mb',
    web: { enable: false },
  })) as Server;
  const asked: string[] = [];
  server.on('request', ({ url = '' }) => {
    asked.push(url);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/`;
  let open = true;
  const close = async (): Promise<void> => {
    if (!open) return;
    open = false;
    await new Promise<void>((resolve) => {
      server.close(() => {
        resolve();
      });
      server.closeAllConnections();
    });
  };
  const tarballOf = (name: string, version: string): string =>
    join(storage, name, `${name.split('/').at(-1) ?? name}-${version}.tgz`);
  return {
    url,
    asked,
    close,
    async publish(wanted) {
      const bytes = await pack(wanted);
      const response = await fetch(new URL(encodeURIComponent(wanted.name), url), {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(publication(url, wanted, bytes)),
      });
      if (!response.ok)
        throw new Error(`${wanted.name} was not published: ${response.status} ${await response.text()}`);
    },
    async tamper(name, version) {
      const file = tarballOf(name, version);
      const bytes = await readFile(file);
      bytes.writeUInt8((bytes.readUInt8(bytes.length - 9) + 1) % 256, bytes.length - 9);
      await writeFile(file, bytes);
    },
    async redescribe(name, version, change) {
      const file = join(storage, name, 'package.json');
      const about = JSON.parse(await readFile(file, 'utf8')) as {
        versions: Record<string, { dist: Record<string, unknown> }>;
      };
      change(about.versions[version]?.dist ?? {});
      await writeFile(file, JSON.stringify(about));
    },
    async [Symbol.asyncDispose]() {
      await close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A package as `npm pack` makes it. */
export async function pack({ name, version, described, files, executable = [] }: Published): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'pack-'));
  try {
    const all = { 'package.json': JSON.stringify({ name, version, ...described }), ...files };
    for (const [path, text] of Object.entries(all)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text, { mode: executable.includes(path) ? 0o755 : 0o644 });
    }
    const file = join(folder, '.packed.tgz');
    await create({ file, cwd: folder, gzip: true, portable: true, prefix: 'package' }, Object.keys(all));
    return await readFile(file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What no packer writes: links, and paths that lead out. */
export interface OddEntry {
  readonly path: string;
  readonly type: 'File' | 'Link' | 'SymbolicLink';
  readonly linkpath?: string;
  readonly text?: string;
}

/** As {@link pack}, with entries after the package's own. */
export async function packOdd(published: Published, odd: readonly OddEntry[]): Promise<Buffer> {
  const whole = gunzipSync(await pack(published));
  // An archive ends with blocks of zeros; what is added goes before them.
  let end = whole.length;
  while (end > 0 && whole.readUInt8(end - 1) === 0) end -= 1;
  const kept = whole.subarray(0, Math.ceil(end / BLOCK_BYTES) * BLOCK_BYTES);
  return gzipSync(Buffer.concat([kept, ...odd.map(blocksOf), Buffer.alloc(2 * BLOCK_BYTES)]));
}

function blocksOf({ path, type, linkpath, text = '' }: OddEntry): Buffer {
  const body = Buffer.from(text);
  const block = Buffer.alloc(BLOCK_BYTES);
  const header = new Header({ path, type, size: body.length, mode: 0o644, mtime: new Date(0) });
  if (linkpath !== undefined) header.linkpath = linkpath;
  header.encode(block);
  const padded = Buffer.alloc(Math.ceil(body.length / BLOCK_BYTES) * BLOCK_BYTES);
  body.copy(padded);
  return Buffer.concat([block, padded]);
}

function publication(registry: string, { name, version, described }: Published, bytes: Buffer): object {
  const file = `${name.split('/').at(-1) ?? name}-${version}.tgz`;
  const dist = {
    integrity: `sha512-${createHash('sha512').update(bytes).digest('base64')}`,
    shasum: createHash('sha1').update(bytes).digest('hex'),
    tarball: `${registry}${name}/-/${file}`,
  };
  return {
    _id: name,
    name,
    'dist-tags': { latest: version },
    versions: {
      [version]: { _id: `${name}@${version}`, name, version, ...described, dist, _npmUser: { name: 'ada' } },
    },
    _attachments: {
      [file]: {
        content_type: 'application/octet-stream',
        data: bytes.toString('base64'),
        length: bytes.length,
      },
    },
  };
}
