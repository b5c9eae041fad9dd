import type { JsonSchema } from '@bulkhead/proto/rules/schema';
import type { Manifest } from '../manifest/manifest.js';
import type { PluginLimits } from './config.js';

/** `limits` of an entry, and `host.limits`. */
export interface LimitsSection {
  readonly memory_mb?: number;
  readonly processes?: number;
  readonly cpu?: number;
  readonly open_files?: number;
  readonly disk_mb?: number;
}

/** A plugin's own limits; none has a default, because `host.limits` is it. */
export const OWN_LIMITS: JsonSchema = {
  memory_mb: {
    type: 'integer',
    minimum: 32,
    maximum: 1_048_576,
    description: 'Memory of its own, in MiB; past it the process is killed. Node itself takes about 20.',
  },
  processes: {
    type: 'integer',
    minimum: 16,
    maximum: 65_536,
    description: 'Processes and threads together; an idle Node has about 11 threads.',
  },
  cpu: {
    type: 'number',
    exclusiveMinimum: 0,
    maximum: 1_024,
    description:
      'Processors. Held where the host has a cgroup of its own; elsewhere the plugin only gives way to others.',
  },
  open_files: {
    type: 'integer',
    minimum: 64,
    maximum: 1_048_576,
    description: 'Open files of one process.',
  },
  disk_mb: {
    type: 'integer',
    minimum: 1,
    maximum: 1_048_576,
    description:
      'Its data directory and its launch directory together, in MiB; past it the process is killed.',
  },
};

/** The same with the host's defaults. */
export const RESOURCE_LIMITS: JsonSchema = withDefaults({
  memory_mb: 1_024,
  processes: 256,
  open_files: 1_024,
  disk_mb: 1_024,
});

function withDefaults(defaults: Readonly<Record<string, number>>): JsonSchema {
  return Object.fromEntries(
    Object.entries(OWN_LIMITS).map(([key, schema]) => [
      key,
      key in defaults && typeof schema === 'object' ? { ...schema, default: defaults[key] } : schema,
    ]),
  );
}

/** What an operator wrote for this plugin; else what its manifest asks, at most what the host gives to any. */
export function resolveLimits(
  caps: LimitsSection,
  own: LimitsSection = {},
  asked: Manifest['limits'] = {},
): PluginLimits {
  const resolved = {
    memoryMb: own.memory_mb ?? least(asked.memoryMb, caps.memory_mb),
    processes: own.processes ?? least(asked.processes, caps.processes),
    cpu: own.cpu ?? least(asked.cpu, caps.cpu),
    openFiles: own.open_files ?? least(asked.openFiles, caps.open_files),
    diskMb: own.disk_mb ?? least(asked.diskMb, caps.disk_mb),
  };
  return Object.fromEntries(Object.entries(resolved).filter(([, value]) => value !== undefined));
}

function least(asked: number | undefined, cap: number | undefined): number | undefined {
  if (asked === undefined || cap === undefined) return asked ?? cap;
  return Math.min(asked, cap);
}
