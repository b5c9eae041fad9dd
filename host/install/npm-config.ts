import { dirname } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';

/** The user's npm settings, as npm's own libraries take them. Holds credentials: never logged, never written. */
export interface NpmConfig {
  readonly options: Readonly<Record<string, unknown>>;
  /** The registry for a package of this name. @throws BulkheadError FETCH_FAILED when the configuration names none */
  registryOf(name: string): string;
  /** Where the user's own `.npmrc` is, for a program that reads it itself. */
  readonly userConfigFile?: string;
}

/**
 * Reads npm's configuration by npm's own rules: environment, project, user, global. Nothing is written.
 *
 * @param env the caller's environment; not changed
 */
export async function readNpmConfig(
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
): Promise<NpmConfig> {
  const [{ default: Config }, { default: parts }] = await Promise.all([
    import('@npmcli/config'),
    import('@npmcli/config/lib/definitions/index.js'),
  ]);
  // It writes what it found back into the environment that it was given, so it gets a copy.
  const config = new Config({
    ...parts,
    npmPath: dirname(process.execPath),
    argv: [],
    env: { ...env },
    cwd,
    warn: false,
  });
  await config.load();
  const options = config.flat;
  const userConfigFile = config.get('userconfig');
  return {
    options,
    registryOf: (name) => {
      const scoped = name.startsWith('@') ? options[`${name.split('/')[0] ?? ''}:registry`] : undefined;
      const found = scoped ?? options['registry'];
      // npm's own default is among the options; only a configuration that empties it has none.
      if (typeof found === 'string' && found !== '') return found;
      throw new BulkheadError(
        ErrorCode.FETCH_FAILED,
        `no registry for '${name}': expected an address under \`registry\` in your npm configuration, got none`,
      );
    },
    ...(typeof userConfigFile === 'string' ? { userConfigFile } : {}),
  };
}
