import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  bulkhead,
  cleanUp,
  CONFIG,
  eventually,
  isAlive,
  makeFolder,
  pluginPids,
  startDaemon,
  type RunningDaemon,
} from './daemon.test-support.js';

let folder: string;

beforeEach(async () => {
  folder = await makeFolder();
});

afterEach(async () => {
  await cleanUp(folder);
});

async function preInvoke(daemon: RunningDaemon, payload: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`${daemon.data}/hooks/tool_pre_invoke`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: `{"payload":${payload}}`,
  });
  return { status: response.status, text: await response.text() };
}

const CARD = '{"name":"echo","args":{"message":"card 4111-1111-1111-1111","n":9007199254740993}}';

describe('bulkhead start', () => {
  test('serves with every plugin, is asked over its socket, and leaves nothing behind on SIGTERM', async () => {
    const daemon = await startDaemon(folder);
    expect((await fetch(`${daemon.control}/readyz`)).status).toBe(200);

    const masked = await preInvoke(daemon, CARD);
    expect(masked.status).toBe(200);
    expect(masked.text).toContain('"n":9007199254740993');
    expect(masked.text).not.toContain('4111');
    expect(JSON.parse(masked.text)).toMatchObject({ allowed: true, changed_by: ['pii_filter'] });

    const refused = await preInvoke(daemon, '{"name":"get-env","args":{}}');
    expect(refused.status).toBe(403);
    expect(JSON.parse(refused.text)).toMatchObject({
      allowed: false,
      violation: { code: 'TOOL_NOT_ALLOWED', plugin: 'tool_allowlist' },
    });

    const status = await bulkhead(folder, 'status');
    expect(status.code).toBe(0);
    expect(status.stdout).toMatch(/^state\s+ready$/m);
    expect(status.stdout).toMatch(/^everything\s+stdio\s+ready$/m);
    const pids = await pluginPids(folder);
    expect([...pids.keys()]).toEqual(['tool_allowlist', 'pii_filter', 'audit_logger']);

    daemon.signal('SIGTERM');
    expect(await daemon.exited).toBe(0);
    expect([...pids.values()].filter(isAlive)).toEqual([]);
    expect(existsSync(join(folder, '.bulkhead', 'daemon.json'))).toBe(false);
    expect(existsSync(join(folder, '.bulkhead', 'control.sock'))).toBe(false);
    expect((await bulkhead(folder, 'status')).stderr).toContain('NOT_RUNNING');
  });

  test('acts on plugins: reload, disable, enable, logs', async () => {
    await startDaemon(folder);
    const before = await pluginPids(folder);
    expect((await bulkhead(folder, 'plugin', 'reload', 'pii_filter')).stdout).toContain('reloaded');
    const after = await pluginPids(folder);
    expect(after.get('pii_filter')).not.toBe(before.get('pii_filter'));
    expect(after.get('tool_allowlist')).toBe(before.get('tool_allowlist'));

    expect((await bulkhead(folder, 'plugin', 'disable', 'audit_logger')).stdout).toContain('bulkhead.yaml');
    expect((await bulkhead(folder, 'plugin', 'info', 'audit_logger')).stdout).toMatch(/^state\s+disabled$/m);
    expect((await bulkhead(folder, 'plugin', 'enable', 'audit_logger')).code).toBe(0);
    expect((await bulkhead(folder, 'plugin', 'info', 'audit_logger')).stdout).toMatch(/^state\s+ready$/m);

    expect((await bulkhead(folder, 'plugin', 'logs', 'pii_filter')).stdout).toContain('replaced by a reload');
    const wrong = await bulkhead(folder, 'plugin', 'reload', 'pii');
    expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining('PLUGIN_NOT_FOUND') });
  });

  test('is not ready while a killed guard is away, never passes its calls in clear, and gets it back', async () => {
    const daemon = await startDaemon(folder);
    const pid = (await pluginPids(folder)).get('pii_filter') ?? 0;
    process.kill(pid, 'SIGKILL');
    let sawDown = false;
    await eventually('a new process serves', async () => {
      const { status, text } = await preInvoke(daemon, CARD);
      const readiness = await fetch(`${daemon.control}/readyz`);
      const body: unknown = await readiness.json();
      if (readiness.status === 503) {
        sawDown = true;
        expect(body).toEqual({ status: 'not_ready', guards_down: ['pii_filter'] });
      }
      // A refusal repeats what the caller sent; only an allowed payload goes on.
      if (status === 200) expect(text).not.toContain('4111');
      return sawDown && status === 200 && readiness.status === 200;
    });
    expect(daemon.log()).toMatch(/"plugin":"pii_filter".*starting again/);
  });

  test('keeps the running configuration when a new one is wrong, and applies a right one', async () => {
    const daemon = await startDaemon(folder, '--watch');
    const file = join(folder, 'bulkhead.yaml');
    await writeFile(file, `${CONFIG}  no_such_plugin: {}\n`);
    await daemon.logged(/configuration not applied after a change of its files/);
    expect((await preInvoke(daemon, '{"name":"get-env","args":{}}')).status).toBe(403);
    expect(await bulkhead(folder, 'config', 'apply')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/bulkhead\.yaml:\d+.*no_such_plugin/),
    });

    const before = await pluginPids(folder);
    await writeFile(file, CONFIG.replace('[echo, get-sum]', '[echo, get-env]'));
    await daemon.logged(/configuration applied after a change of its files/);
    expect((await preInvoke(daemon, '{"name":"get-env","args":{}}')).status).toBe(200);
    const after = await pluginPids(folder);
    expect(after.get('tool_allowlist')).not.toBe(before.get('tool_allowlist'));
    expect(after.get('pii_filter')).toBe(before.get('pii_filter'));

    daemon.signal('SIGHUP');
    await daemon.logged(/configuration applied after SIGHUP/);

    const apps = `apps: { one: { keys: ['sha256:${'a'.repeat(64)}'] } }`;
    await writeFile(file, `${CONFIG}policy: { deny_as: result }\n${apps}\n`);
    await daemon.logged(/"sections":\["policy","apps"\],"needs_restart":\[\]/);
  });

  test('is the only one on its data directory, also after kill -9 of the one before', async () => {
    const first = await startDaemon(folder);
    const second = await bulkhead(folder, 'start');
    expect(second).toMatchObject({ code: 1, stderr: expect.stringContaining('ALREADY_RUNNING') });

    const orphans = [...(await pluginPids(folder)).values()];
    first.signal('SIGKILL');
    await first.exited;
    await eventually('its plugins end with it', () => !orphans.some(isAlive));
    const third = await startDaemon(folder);
    expect((await preInvoke(third, CARD)).status).toBe(200);
  });

  test('names file, line and key of what is wrong, and does not start', async () => {
    await writeFile(
      join(folder, 'bulkhead.yaml'),
      'environment: development\nplugins:\n  pii_filter:\n    mod: audit\n',
    );
    const outcome = await bulkhead(folder, 'start');
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain('CONFIG_INVALID');
    expect(outcome.stderr).toMatch(/bulkhead\.yaml:4/);
    expect(existsSync(join(folder, '.bulkhead', 'daemon.json'))).toBe(false);
  });

  test('says which address is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    try {
      await new Promise((resolve) => taken.once('listening', resolve));
      const address = taken.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      const config = `environment: development\nlisten:\n  data: { address: '127.0.0.1:${port}' }\n  control: { address: '127.0.0.1:0' }\n`;
      await writeFile(join(folder, 'bulkhead.yaml'), config);
      const outcome = await bulkhead(folder, 'start');
      expect(outcome.code).toBe(1);
      expect(outcome.stderr).toContain(`LISTEN_FAILED: The address 127.0.0.1:${port} is taken`);
      expect(outcome.stderr).toContain('listen.data');
    } finally {
      taken.close();
    }
  });

  test('writes its log as JSON lines when nobody watches', async () => {
    const daemon = await startDaemon(folder);
    daemon.signal('SIGINT');
    expect(await daemon.exited).toBe(0);
    const lines = daemon.log().trim().split('\n');
    expect(lines.length).toBeGreaterThan(3);
    for (const line of lines)
      expect(JSON.parse(line)).toMatchObject({ level: expect.any(String), msg: expect.any(String) });
    expect(await readFile(join(folder, 'bulkhead.yaml'), 'utf8')).toBe(CONFIG);
  });
});
