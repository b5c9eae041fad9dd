import { existsSync } from 'node:fs';
import { BulkheadError } from '@bulkhead/proto';
import { formatProblem } from '../../manifest/format-problem.js';
import type { Cli } from '../cli.js';
import { loadHostConfig } from '../load.js';
import type { Finding } from './finding.js';
import { counted } from '../counted.js';

const CHECK = 'configuration';

/** Whether the configuration loads, and what it says that a person should know. */
export async function checkConfiguration(file: string, env: Cli['env']): Promise<readonly Finding[]> {
  if (!existsSync(file)) {
    const why = 'The daemon does not start without one.';
    return [{ check: CHECK, level: 'error', found: `${file} does not exist`, why, fix: 'bulkhead init' }];
  }
  try {
    const { config } = await loadHostConfig(env, { file });
    const plugins = config.plugins.filter(({ enabled }) => enabled).length;
    const found = `${file}: ${config.environment}, ${counted(plugins, 'plugin')}, ${counted(config.upstreams.length, 'upstream server')}`;
    return [
      { check: CHECK, level: 'ok', found },
      ...config.notices.map(({ code, message }): Finding => {
        const fix = 'bulkhead config check';
        return { check: CHECK, level: 'warning', found: code, why: message, fix };
      }),
    ];
  } catch (thrown) {
    const error = BulkheadError.from(thrown);
    const first = error.problems[0];
    const more = error.problems.length > 1 ? ` (and ${error.problems.length - 1} more)` : '';
    const found = `${first === undefined ? error.message : formatProblem(first)}${more}`;
    const why = 'The daemon does not start with a configuration that is not valid.';
    return [{ check: CHECK, level: 'error', found, why, fix: 'bulkhead config check shows every problem' }];
  }
}
