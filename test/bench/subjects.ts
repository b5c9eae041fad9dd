import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHost } from '@bulkhead/host';
import type { Subject } from './measure.ts';
import { payload, payloadOf } from './payload.ts';

const NOOP = join(import.meta.dirname, '../fixtures/plugins/noop');

interface HostSubjectOptions {
  /** How many no-op plugins hook the call. */
  readonly plugins: number;
  readonly mode?: 'sequential' | 'concurrent';
  readonly mtls?: boolean;
  /** The plugins' conditions fit another tool only. */
  readonly unmatched?: boolean;
  /** Default: basic, which every machine has. */
  readonly sandbox?: 'basic' | 'strict';
  /** About how many bytes of arguments; default: the standard payload. */
  readonly bytes?: number;
}

/** `host.invoke` with everything on: policy, records, metrics, real plugin processes. */
export async function createHostSubject(options: HostSubjectOptions): Promise<Subject> {
  const directory = await mkdtemp(join(tmpdir(), 'bench-'));
  const entry = {
    plugin: NOOP,
    mode: options.mode ?? 'sequential',
    ...(options.unmatched === true ? { conditions: [{ tools: ['another-tool'] }] } : {}),
  };
  const host = await createHost({
    environment: 'development',
    host: { data_dir: directory, sandbox: options.sandbox ?? 'basic' },
    log: { level: 'warn' },
    link: { mtls: options.mtls === true ? 'always' : 'never' },
    limits: { max_payload_bytes: 8_000_000 },
    plugins: Object.fromEntries(Array.from({ length: options.plugins }, (_, i) => [`noop_${i}`, entry])),
  });
  await host.start();
  const call = options.bytes === undefined ? payload : payloadOf(options.bytes);
  return {
    call: async () => host.invoke('tool_pre_invoke', call),
    async close() {
      await host.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
