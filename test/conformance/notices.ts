import { expect } from 'vitest';
import type { Events, Schedules } from '@bulkhead/sdk';
import { failing, type Steps } from './steps.js';

/** What every EventService and ScheduleService does with what a plugin asks for; what they deliver is tested where they do. */
export const NOTICE_STEPS: Steps<{ readonly events: Events; readonly schedules: Schedules }> = {
  async 'an event under the own id is taken, one under another is not'({ events }) {
    expect(await events.publish('com.example.asker.done', { n: 1 })).not.toBe('');
    await expect(events.publish('com.example.other.done')).rejects.toThrow(failing('PERMISSION_DENIED'));
    await expect(events.publish('system.llm.created')).rejects.toThrow(failing('PERMISSION_DENIED'));
    await expect(events.publish('com.example.asker.no topic')).rejects.toThrow(
      failing('INVALID_ARGUMENT', 'topic'),
    );
  },
  async 'a pattern has parts, * for one and a last ** for the rest'({ events }) {
    for (const pattern of ['system.llm.*', 'com.example.**', '*.llm.created']) {
      await events.subscribe(pattern, () => {});
      await events.unsubscribe(pattern);
    }
    for (const pattern of ['', 'a..b', 'a.**.b', 'a b', 'a.x*']) {
      await expect(events.subscribe(pattern, () => {})).rejects.toThrow(
        failing('INVALID_ARGUMENT', 'pattern'),
      );
    }
  },
  async 'a schedule is made, changed and deleted'({ schedules }) {
    const made = await schedules.create({ name: 'hourly', cron: '0 * * * *' });
    expect(made).toMatchObject({ timezone: 'UTC', paused: false, declared: false, missed: 'skip' });
    await expect(schedules.create({ name: 'hourly', cron: '0 * * * *' })).rejects.toThrow(
      failing('ALREADY_EXISTS'),
    );
    const changed = await schedules.update({ name: 'hourly', cron: '5 * * * *', paused: true });
    expect(changed).toMatchObject({ cron: '5 * * * *', paused: true, nextFireMs: undefined });
    expect((await schedules.list()).items.map(({ name }) => name)).toEqual(['hourly']);
    await schedules.delete('hourly');
    expect((await schedules.list()).items).toEqual([]);
  },
  async 'a schedule that is none is refused, and what is absent is NOT_FOUND'({ schedules }) {
    const base = { name: 'x', cron: '0 * * * *' };
    await expect(schedules.create({ ...base, cron: 'often' })).rejects.toThrow(failing('INVALID_ARGUMENT'));
    await expect(schedules.create({ ...base, timezone: 'Nowhere/At' })).rejects.toThrow(
      failing('INVALID_ARGUMENT'),
    );
    await expect(schedules.update(base)).rejects.toThrow(failing('NOT_FOUND'));
    await expect(schedules.delete('x')).rejects.toThrow(failing('NOT_FOUND'));
    await expect(schedules.runNow('x')).rejects.toThrow(failing('NOT_FOUND'));
    expect((await schedules.runs()).items).toEqual([]);
  },
};
