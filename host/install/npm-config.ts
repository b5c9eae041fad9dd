import { dirname } from 'node:path';

/** The user's npm settings, as npm's own libraries take them. Holds credentials: never logged, never written. */
export interface NpmConfig {
  readonly options: Readonly<Record<string, unknown>>;
  /** The registry for a package of this name. */
  registryOf(name: string): string;
  /** Where the user's own `.npmrc` is, for a program that reads it itself. */
  readonly userConfigFile?: string;
}

const DEFAULT_REGISTRY = 'https://npm.example.com/';

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
      return typeof found === 'string' ? found : DEFAULT_REGISTRY;
    },
    ...(typeof userConfigFile === 'string' ? { userConfigFile } : {}),
  };
}
