import { dirname, resolve } from 'node:path';
import { readFile } from 'node:fs/promises';
import { parseDocument } from 'yaml';
import type { Command } from 'commander';
import type { Cli } from './cli.js';

export interface PlaceOptions {
  readonly config?: string;
  readonly dataDir?: string;
}

const CONFIG_FILE = 'bulkhead.yaml';
const DATA_DIR = '.bulkhead';

/** The two options with which a command finds a daemon and its configuration. */
export function withPlaces(command: Command): Command {
  return command
    .option('-c, --config <file>', 'the configuration', CONFIG_FILE)
    .option('--data-dir <dir>', 'the data directory; default: host.data_dir of the configuration');
}

/** Absolute path of the configuration. */
export function configFileOf(cli: Cli, options: PlaceOptions): string {
  return resolve(cli.cwd, options.config ?? CONFIG_FILE);
}

/**
 * The data directory of the daemon that the options mean. Reads one key of the configuration and checks nothing, so
 * that a daemon is reached while its file is being edited.
 */
export async function dataDirOf(cli: Cli, options: PlaceOptions): Promise<string> {
  if (options.dataDir !== undefined) return resolve(cli.cwd, options.dataDir);
  const file = configFileOf(cli, options);
  return resolve(dirname(file), (await readDataDir(file)) ?? DATA_DIR);
}

async function readDataDir(file: string): Promise<string | undefined> {
  try {
    // Reads past faults: the file may be half written.
    const dataDir: unknown = parseDocument(await readFile(file, 'utf8')).getIn(['host', 'data_dir']);
    return typeof dataDir === 'string' ? dataDir : undefined;
  } catch {
    return undefined;
  }
}
