import { readFileSync } from 'node:fs';

/** What one process takes of the machine. */
export interface ProcessUse {
  /** Its own memory, in bytes: not the program's and libraries' pages, which others share. */
  readonly ownBytes: number;
  readonly threads: number;
}

const KIB = 1024;

/** Reads /proc/<pid>/status, which costs some 20 µs; undefined when the process is gone or the system does not tell. */
export function readProcessUse(pid: number): ProcessUse | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/status`, 'latin1');
  } catch {
    return undefined;
  }
  return parseStatus(text);
}

/** A zombie has no memory any more, and still counts as a process. */
export function parseStatus(text: string): ProcessUse {
  const field = (name: string): number =>
    Number(new RegExp(`^${name}:\\s*([0-9]+)`, 'm').exec(text)?.[1] ?? 0);
  return {
    // Memory that it shares with its own children only is in RssShmem; swapped-out memory was its own too.
    ownBytes: (field('RssAnon') + field('RssShmem') + field('VmSwap')) * KIB,
    threads: Math.max(1, field('Threads')),
  };
}
