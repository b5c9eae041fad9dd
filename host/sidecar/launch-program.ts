import { noWall } from './command-line.js';
import { pluginLogger, type LauncherOptions } from './launch.js';
import { createLimitWatch } from './limits/limit-watch.js';
import type { PluginProcess } from './plugin-process.js';
import type { ProcessLife } from './process-life.js';
import type { LaunchDescription } from './sidecar.js';
import { spawnWalled } from './spawn-walled.js';

/** A program of a plugin's package that is no plugin itself; whoever started it speaks with it on its pipes. */
export interface WalledProgram {
  readonly process: PluginProcess;
  readonly life: Pick<ProcessLife, 'kill' | 'exited'>;
}

export type LaunchProgram = (description: LaunchDescription) => Promise<WalledProgram>;

/** Starts programs behind the same wall as plugins. What they write to stderr is in the plugin's log. */
export function createProgramLauncher(
  options: Omit<LauncherOptions, 'hostMethods' | 'guard' | 'hostVersion'>,
): LaunchProgram {
  const limits = options.limits ?? createLimitWatch(options);
  return async (description) => {
    const { clock, runDir, daemonEnv, verify, onEgressRefused } = options;
    const walled = await spawnWalled(
      {
        log: pluginLogger(options.log, description),
        clock,
        runDir,
        daemonEnv,
        redact: options.redact ?? ((text) => text),
        wall: await (options.wall?.() ?? noWall),
        limits,
        ...(verify === undefined ? {} : { verify }),
        ...(onEgressRefused === undefined ? {} : { onEgressRefused }),
      },
      description,
    );
    const { process, life, log, directory } = walled;
    process.stderr.on('data', (chunk: Buffer) => {
      log.stderr.write(chunk);
    });
    try {
      await directory.recordPlugin(process.pid);
    } catch (error) {
      await life.kill('its record could not be written');
      throw error;
    }
    return { process, life };
  };
}
