import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

interface Entry {
  readonly mode: number;
  readonly content: Uint8Array;
}

const DIRECTORY = 0o040_000;
const FILE = 0o100_000;
const LINK = 0o120_777;
/** Read for everybody: inside they are root's, and a user reads them. */
const READABLE = 0o444;
const NOTHING = new Uint8Array(0);
const ALIGNMENT = 4;
const HEADER_BYTES = 110;

/**
 * What a kernel unpacks as its first file system: files under the paths that they have on this machine, all of them
 * root's. Links stay links, and what they lead to comes along.
 */
export class Image {
  readonly #entries = new Map<string, Entry>();

  directory(path: string, mode = 0o755): void {
    this.#parents(path);
    this.#entries.set(path, { mode: DIRECTORY | mode, content: NOTHING });
  }

  file(path: string, content: Uint8Array | string, mode = 0o644): void {
    this.#parents(path);
    this.#entries.set(path, { mode: FILE | mode, content: Buffer.from(content) });
  }

  /** A file or directory of this machine with all that is in it; `leaveOut` is asked about each name in a directory. */
  copy(path: string, leaveOut: (name: string) => boolean = () => false): void {
    const real = this.#follow(path);
    if (this.#entries.has(real) && !lstatSync(real).isDirectory()) return;
    const found = lstatSync(real);
    if (found.isFile()) this.file(real, readFileSync(real), (found.mode & 0o777) | READABLE);
    if (!found.isDirectory()) return;
    if (!this.#entries.has(real)) this.directory(real);
    for (const name of readdirSync(real)) {
      if (!leaveOut(name)) this.copy(join(real, name), leaveOut);
    }
  }

  /** The links on the way to a path, without what they lead to. */
  link(path: string): void {
    this.#follow(path);
  }

  /** The archive, in the form that the kernel calls newc. */
  *archive(): Generator<Uint8Array> {
    let number = 0;
    for (const [path, entry] of this.#entries) yield* record(path.slice(1), entry, (number += 1));
    yield* record('TRAILER!!!', { mode: 0, content: NOTHING }, 0);
  }

  #parents(path: string): void {
    const parent = dirname(path);
    if (parent === '/' || this.#entries.has(parent)) return;
    this.directory(parent);
  }

  /** Keeps each link on the way to a path, and returns where it leads. */
  #follow(path: string): string {
    let reached = '/';
    const names = path.split('/').filter((name) => name !== '');
    for (const [index, name] of names.entries()) {
      const next = join(reached, name);
      if (lstatSync(next).isSymbolicLink()) {
        const target = readlinkSync(next);
        this.#parents(next);
        this.#entries.set(next, { mode: LINK, content: Buffer.from(target) });
        return this.#follow(join(resolve(reached, target), ...names.slice(index + 1)));
      }
      reached = next;
    }
    return reached;
  }
}

function* record(name: string, { mode, content }: Entry, number: number): Generator<Uint8Array> {
  const path = Buffer.from(`${name}\0`);
  // Number, mode, owner, group, links, time, size, four device numbers, length of the name, checksum.
  const fields = [number, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, path.length, 0];
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`;
  yield Buffer.concat([Buffer.from(header), path, padding(HEADER_BYTES + path.length)]);
  yield content;
  yield padding(content.length);
}

function padding(length: number): Uint8Array {
  return new Uint8Array((ALIGNMENT - (length % ALIGNMENT)) % ALIGNMENT);
}
