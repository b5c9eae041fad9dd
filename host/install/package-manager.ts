import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { platformName } from './platform.js';

/** Runs the pinned package manager in a folder that holds nothing of a plugin but its list of dependencies. */
export interface PackageManager {
  run(folder: string, args: readonly string[]): Promise<{ readonly ok: boolean; readonly output: string }>;
}

export interface PackageManagerOptions {
  /** The content-addressed store; only the host writes it. */
  readonly storeDir: string;
  readonly cacheDir: string;
  /** Where packages come from; undefined: from the store only. */
  readonly registry?: string;
  /** The user's `.npmrc`, read by the package manager itself. */
  readonly userConfigFile?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
}

const RUN_TIMEOUT_MS = 600_000;
const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;
/** All that it gets of the caller's environment. */
const PASSED_ON = [
  'PATH',
  'HOME',
  'USERPROFILE',
  'TMPDIR',
  'LANG',
  'XDG_CONFIG_HOME',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_FILE',
  'NPM_TOKEN',
  'NODE_AUTH_TOKEN',
] as const;

export function createPackageManager(options: PackageManagerOptions): PackageManager {
  const { storeDir, cacheDir, registry, userConfigFile, signal } = options;
  const env = Object.fromEntries(
    PASSED_ON.flatMap((name) => (options.env[name] === undefined ? [] : [[name, options.env[name]]])),
  );
  const always = [
    '--ignore-scripts',
    '--reporter=append-only',
    '--store-dir',
    storeDir,
    '--cache-dir',
    cacheDir,
    ...(registry === undefined ? [] : ['--registry', registry]),
    ...(userConfigFile === undefined ? [] : ['--npmrc-auth-file', userConfigFile]),
  ];
  return {
    async run(folder, args) {
      const { execa } = await import('execa');
      const result = await execa(findBinary(), [...args, ...always], {
        cwd: folder,
        env: { ...env, CI: '1' },
        extendEnv: false,
        stdin: 'ignore',
        all: true,
        reject: false,
        timeout: RUN_TIMEOUT_MS,
        maxBuffer: MAX_OUTPUT_BYTES,
        ...(signal === undefined ? {} : { cancelSignal: signal }),
      });
      if (result.isCanceled) throw new BulkheadError(ErrorCode.CANCELLED, 'The installation was given up.');
      return { ok: !result.failed, output: result.all };
    },
  };
}

function findBinary(): string {
  const name = `@pnpm/exe.${platformName()}`;
  try {
    const described = createRequire(import.meta.url).resolve(`${name}/package.json`);
    return join(dirname(described), process.platform === 'win32' ? 'pnpm.exe' : 'pnpm');
  } catch (error) {
    throw new BulkheadError(
      ErrorCode.DEPENDENCIES_FAILED,
      `expected the package manager ${name} among the host's optional dependencies, found none. Install the host without --omit=optional.`,
      { cause: error },
    );
  }
}
