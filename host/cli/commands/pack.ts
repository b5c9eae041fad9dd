import { resolve } from 'node:path';
import { Command } from 'commander';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Cli } from '../cli.js';

interface PackOptions {
  readonly outDir: string;
  readonly json?: true;
}

export function packCommand(cli: Cli): Command {
  return new Command('pack')
    .description('build a plugin and pack it into a tarball; refuses a maturity that it does not have')
    .argument('[dir]', 'the plugin’s package', '.')
    .option('--out-dir <dir>', 'where the tarball goes', '.')
    .option('--json', 'print JSON')
    .action(async (dir: string, { outDir, json }: PackOptions) => {
      const { buildPlugin } = await import('../author/build-plugin.js');
      const { packPlugin } = await import('../author/pack-plugin.js');
      const { renderFields } = await import('../table.js');
      const directory = resolve(cli.cwd, dir);
      const built = await buildPlugin({ directory, env: cli.env });
      if (!built.ok) {
        cli.err(built.output);
        throw new BulkheadError(ErrorCode.SCRIPT_FAILED, `${directory} was not packed: ${built.why}`);
      }
      const packed = await packPlugin(directory, resolve(cli.cwd, outDir));
      cli.out(
        json
          ? `${JSON.stringify(packed, null, 2)}\n`
          : renderFields([
              ['plugin', `${packed.id} ${packed.version}, ${packed.maturity}`],
              ['file', packed.file],
              ['holds', `${packed.files.length} files`],
              ['size', `${packed.bytes} bytes`],
              ['integrity', packed.integrity],
            ]),
      );
    });
}
