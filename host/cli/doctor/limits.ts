import { readFile } from 'node:fs/promises';
import type { Finding } from './finding.js';

/** Ten plugins with their sockets, pipes and a few hundred clients. */
const MIN_OPEN_FILES = 4_096;
/** A Node process has about a dozen threads, and each counts. */
const MIN_PROCESSES = 1_024;

/** The limits that this process runs under. */
export async function checkLimits(): Promise<readonly Finding[]> {
  const text = await readFile('/proc/self/limits', 'utf8').catch(() => undefined);
  if (text === undefined) {
    return [{ check: 'limits', level: 'ok', found: 'not told by this system' }];
  }
  return judgeLimits(text);
}

/** Judges the text of /proc/<pid>/limits. */
export function judgeLimits(text: string): readonly Finding[] {
  return [
    judge('open files', softLimit(text, 'Max open files'), MIN_OPEN_FILES, {
      why: 'Each client, plugin and upstream takes descriptors; past the limit new connections fail.',
      fix: `ulimit -n ${MIN_OPEN_FILES}, or LimitNOFILE=${MIN_OPEN_FILES} in the systemd unit`,
    }),
    judge('processes', softLimit(text, 'Max processes'), MIN_PROCESSES, {
      why: 'Each plugin is a process with about a dozen threads, and each counts; past the limit none starts.',
      fix: `ulimit -u ${MIN_PROCESSES}, or LimitNPROC=${MIN_PROCESSES} in the systemd unit`,
    }),
  ];
}

function softLimit(text: string, name: string): number {
  const line = text.split('\n').find((candidate) => candidate.startsWith(name));
  const soft = line?.slice(name.length).trim().split(/\s+/)[0];
  return soft === undefined || soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
}

function judge(check: string, limit: number, least: number, advice: { why: string; fix: string }): Finding {
  const found = Number.isFinite(limit) ? String(limit) : 'unlimited';
  return limit >= least ? { check, level: 'ok', found } : { check, level: 'warning', found, ...advice };
}
