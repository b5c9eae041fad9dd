import { cpus, release, totalmem } from 'node:os';

/** The machine, in one line: figures without it mean nothing. */
export function describeEnvironment(): string {
  const processors = cpus();
  const gib = Math.round(totalmem() / 2 ** 30);
  return [
    `Node ${process.versions.node}`,
    `${process.platform} ${release()}`,
    `${processors.length} × ${processors[0]?.model ?? 'unknown processor'}`,
    `${gib} GiB`,
  ].join(', ');
}
