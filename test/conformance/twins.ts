import { definePlugin, type Host } from '@bulkhead/sdk';
import { testPlugin, type TestHostContents, type TestPlugin } from '@bulkhead/sdk/testing';

/** Time that a test moves. */
export interface MovedTime {
  now(): number;
  advance(ms: number): void;
}

export function createTime(): MovedTime {
  let now = 1_700_000_000_000;
  return {
    now: () => now,
    advance(ms) {
      now += ms;
    },
  };
}

/** `host` of a plugin under test, on the twins. */
export async function hostOfTwins(
  permissions: object,
  contents: TestHostContents = {},
): Promise<{ readonly host: Host; readonly t: TestPlugin; close(): Promise<void> }> {
  let host: Host | undefined;
  const plugin = definePlugin<never>((context) => {
    host = context.host;
    return {};
  });
  const manifest = { id: 'com.example.asker', name: 'asker', version: '1.0.0', permissions };
  const t = await testPlugin(plugin, { manifest, ...contents });
  if (host === undefined) throw new Error('setup did not run');
  return { host, t, close: () => t.shutdown() };
}
