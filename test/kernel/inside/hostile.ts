import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { InvokeRequest, InvokeResponse } from '@bulkhead/proto/plugin';
import {
  declaredRegistrations,
  decodePayload,
  encodePayload,
  HOOKS,
  parsePayload,
  readContributions,
} from '@bulkhead/proto/rules';
import { systemClock } from '../../../host/clock.js';
import { createLauncher } from '../../../host/sidecar/launch.js';
import type { Launch, ResourceLimits, Sidecar } from '../../../host/sidecar/sidecar.js';
import { openWall } from '../../../host/sidecar/wall/open-wall.js';
import { createLogger } from '../../../host/telemetry/logger.js';
import type { Wall } from './checks.js';

const PACKAGE = join(import.meta.dirname, '../../fixtures/plugins/hostile');
const HOOK = HOOKS.tool_pre_invoke;
/** The machine is emulated, and slow. */
const TIMEOUT_MS = 120_000;

/** A host's launcher behind a wall, with a cgroup of its own where it gets one. */
export async function openLauncher(setting: Wall, runDir: string): Promise<Launch> {
  mkdirSync(runDir, { recursive: true, mode: 0o700 });
  const { platform, arch, execPath: node } = process;
  const machine = { platform, arch, node, environment: 'test', closed: [] };
  const { wall } = await openWall({ ...machine, setting, cgroups: true });
  return createLauncher({
    log: createLogger({ level: 'silent', destination: 2 }),
    clock: systemClock,
    runDir,
    hostVersion: '0.1.0',
    hostMethods: [],
    daemonEnv: {},
    wall: () => Promise.resolve(wall),
  });
}

/** One process of the hostile plugin. */
export function launchHostile(
  launch: Launch,
  name: string,
  subprocess: boolean,
  limits: ResourceLimits,
): Promise<Sidecar> {
  const sdk = dirname(createRequire(join(PACKAGE, 'package.json')).resolve('@bulkhead/sdk/package.json'));
  return launch({
    name,
    id: 'bulkhead-fixtures.hostile',
    version: '1.0.0',
    command: [process.execPath, join(sdk, 'dist/bin.cjs'), join(PACKAGE, 'index.js')],
    cwd: PACKAGE,
    followLinks: true,
    readOnlyPaths: [sdk],
    reach: { network: [], filesystem: [], subprocess },
    limits,
    env: {},
    network: 'unix',
    mtls: false,
    startTimeoutMs: TIMEOUT_MS,
    drainTimeoutMs: TIMEOUT_MS,
    termTimeoutMs: TIMEOUT_MS,
    killTimeoutMs: TIMEOUT_MS,
    callTimeoutMs: TIMEOUT_MS,
    maxMessageBytes: 1024 * 1024,
    manifestJson: JSON.stringify({ name: 'hostile', version: '1.0.0', hooks: [HOOK.name] }),
    declared: declaredRegistrations([HOOK.name], { ...readContributions({}), objectHooks: [] }),
    configJson: '{}',
    grantedScopes: [],
    maxInFlight: 8,
    logLevel: 'info',
  });
}

/** What came of an attempt, as the plugin tells it: JSON text. */
export async function attempt(sidecar: Sidecar, what: string): Promise<string> {
  const payload = encodePayload(HOOK, parsePayload(HOOK, { name: 'x', args: { attempt: what } }));
  const request = InvokeRequest.encode(InvokeRequest.fromPartial({ hook: HOOK.name, payload })).finish();
  const answer = await sidecar.call('/bulkhead.plugin.v1.HookService/Invoke', request);
  return JSON.stringify(decodePayload(HOOK, InvokeResponse.decode(answer).payload)['args']);
}
