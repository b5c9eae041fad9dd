import { expect } from 'vitest';
import type { Plugins } from '@bulkhead/sdk';
import { failing, type Steps } from './steps.js';

/** What every PluginService does. Configured are `guard` and `pii`, of which `asker` may configure the plugin of `guard`. */
export const PLUGIN_STEPS: Steps<{ readonly plugins: Plugins; readonly guardId: string }> = {
  async 'plugins are listed by name, page by page'({ plugins }) {
    const names: string[] = [];
    for await (const { name } of plugins.all()) names.push(name);
    expect(names).toEqual(['asker', 'guard', 'pii']);
    const first = await plugins.list({ pageSize: 2 });
    expect(first.items.map(({ name }) => name)).toEqual(['asker', 'guard']);
    const rest = await plugins.list({ pageSize: 2, pageToken: first.nextPageToken ?? '' });
    expect(rest.items.map(({ name }) => name)).toEqual(['pii']);
    expect(rest.nextPageToken).toBeUndefined();
    await expect(plugins.list({ pageSize: 1_001 })).rejects.toThrow(failing('INVALID_ARGUMENT', 'page_size'));
  },
  async 'one is read by its name, and they are counted'({ plugins, guardId }) {
    expect(await plugins.get('guard')).toMatchObject({ name: 'guard', id: guardId });
    await expect(plugins.get('none')).rejects.toThrow(failing('NOT_FOUND'));
    const { total, byState } = await plugins.counts();
    expect([total, Object.values(byState).reduce((sum, count) => sum + count, 0)]).toEqual([3, 3]);
  },
  async 'an entry that is added waits, disabled, and takes no name that is there'({ plugins }) {
    const made = await plugins.createPending('later', 'com.example.later', { level: 1 });
    expect(made).toEqual({
      name: 'later',
      id: 'com.example.later',
      version: '',
      enabled: false,
      state: 'disabled',
      health: undefined,
      mode: '',
      hooks: [],
      maturity: '',
    });
    for (const name of ['later', 'guard'])
      await expect(plugins.createPending(name, 'com.example.later')).rejects.toThrow(
        failing('ALREADY_EXISTS'),
      );
    await expect(plugins.createPending('no name', 'com.example.later')).rejects.toThrow(
      failing('INVALID_ARGUMENT'),
    );
    await expect(plugins.createPending('elsewhere', '../elsewhere')).rejects.toThrow(
      failing('INVALID_ARGUMENT', 'plugin'),
    );
  },
  async 'configuration is written of what the permissions name, and of nothing else'({ plugins }) {
    expect(await plugins.updateConfig('guard', { level: 'high' })).toMatchObject({ name: 'guard' });
    await expect(plugins.updateConfig('pii', { level: 'high' })).rejects.toThrow(
      failing('PERMISSION_DENIED', 'permissions.plugins'),
    );
    await expect(plugins.updateConfig('none', {})).rejects.toThrow(failing('NOT_FOUND'));
  },
};
