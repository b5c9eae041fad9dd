import { access, realpath } from 'node:fs/promises';
import { findProgram } from './find-program.js';
import { findLibraries, type BoundFile } from './libraries.js';

/** What a sandbox takes from the machine itself; the same for every plugin, so looked up once. */
export interface SystemFiles {
  /** The Node that runs plugins, absolute. */
  readonly node: string;
  /** The program that sets limits; undefined where there is none. */
  readonly prlimit: string | undefined;
  /** Node, prlimit, and the libraries of both. */
  readonly programs: readonly BoundFile[];
  /** The machine's bundle of certificate authorities. */
  readonly certificates: readonly BoundFile[];
  /** What a program that is not Node gets, because nobody knows what it needs. */
  readonly folders: readonly BoundFile[];
}

const CERTIFICATES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/** All of it is the system's, readable for everybody, and holds no data of users. */
const FOLDERS = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64'];

/** @throws Error when the libraries of Node cannot be told */
export async function findSystemFiles(node: string, searchPath?: string): Promise<SystemFiles> {
  const prlimit = await findProgram('prlimit', searchPath);
  const found = await Promise.all([node, ...(prlimit === undefined ? [] : [prlimit])].map(findLibraries));
  const byTarget = new Map(found.flat().map((file) => [file.target, file]));
  return {
    node,
    prlimit,
    programs: [...byTarget.values()],
    certificates: (await existing(CERTIFICATES)).slice(0, 1),
    folders: await existing(FOLDERS),
  };
}

async function existing(paths: readonly string[]): Promise<readonly BoundFile[]> {
  const found = await Promise.all(
    paths.map(async (target): Promise<readonly BoundFile[]> => {
      try {
        await access(target);
        return [{ source: await realpath(target), target }];
      } catch {
        return [];
      }
    }),
  );
  return found.flat();
}
