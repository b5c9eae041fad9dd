import { request } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { openControlPlane, type ControlPlane } from './control-plane.js';
import { createFakeControl } from './control.test-support.js';

const open: ControlPlane[] = [];

async function start(options: { readonly port?: number; readonly allowedHosts?: readonly string[] } = {}) {
  const control = createFakeControl();
  const { port = 0, allowedHosts = [] } = options;
  const plane = await openControlPlane({ host: '127.0.0.1', port, allowedHosts, control });
  open.push(plane);
  return { control, plane };
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((plane) => plane.close()));
});

/** fetch does not let a Host header through. */
function statusFor(url: string, headers: Readonly<Record<string, string>>): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    asked.once('error', reject).end();
  });
}

describe('the control plane', () => {
  test('is healthy as soon as it listens', async () => {
    const { plane } = await start();
    const response = await fetch(`${plane.url}/healthz`);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ status: 'ok' });
  });

  test('is ready when everything serves', async () => {
    const { plane } = await start();
    const response = await fetch(`${plane.url}/readyz`);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ status: 'ready', guards_down: [] });
  });

  test('names the guards that are down and nothing else', async () => {
    const { plane, control } = await start();
    control.setReadiness({
      state: 'not_ready',
      guards_down: ['pii'],
      waiting_for: ['plugin pii', 'upstream secret-server'],
    });
    const response = await fetch(`${plane.url}/readyz`);
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({ status: 'not_ready', guards_down: ['pii'] });
  });

  test('refuses a foreign Host and a foreign Origin', async () => {
    const { plane } = await start();
    const own = new URL(plane.url).host;
    expect(await statusFor(`${plane.url}/readyz`, { host: 'evil.example' })).toBe(403);
    expect(await statusFor(`${plane.url}/readyz`, { host: own, origin: 'http://evil.example' })).toBe(403);
    expect(await statusFor(`${plane.url}/readyz`, { host: own, origin: plane.url })).toBe(200);
  });

  test('takes a Host that is allowed', async () => {
    const { plane } = await start({ allowedHosts: ['bulkhead.internal'] });
    expect(await statusFor(`${plane.url}/readyz`, { host: 'bulkhead.internal' })).toBe(200);
  });

  test('says that an address is taken, and which setting to change', async () => {
    const { plane } = await start();
    const port = Number(new URL(plane.url).port);
    await expect(start({ port })).rejects.toMatchObject({
      code: 'LISTEN_FAILED',
      message: expect.stringMatching(new RegExp(`127.0.0.1:${port} is taken.*listen.control`)),
    });
  });
});
