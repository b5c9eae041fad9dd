import { expect, test } from 'vitest';
import { FakeClock } from '../../clock.test-support.js';
import { NO_AUDIT, type AuditEntry } from '../audit.js';
import { Repeats } from './repeats.js';

const refused = (target: string): AuditEntry => ({
  actor: { kind: 'token', id: 'unknown' },
  action: 'login.refused',
  target,
  outcome: 'denied',
});

test('what happens again is told once more, with how often, when the window ends', () => {
  const clock = new FakeClock(0);
  const told: AuditEntry[] = [];
  const repeats = new Repeats({ ...NO_AUDIT, note: (entry) => told.push(entry) }, clock, {
    windowMs: 60_000,
  });
  for (let turn = 0; turn < 5; turn += 1) repeats.note(refused('a'));
  clock.advance(59_999);
  expect(told.map(({ details }) => details)).toEqual([{ times: 1 }]);
  clock.advance(1);
  expect(told.map(({ details }) => details)).toEqual([{ times: 1 }, { times: 4 }]);
  repeats.note(refused('a'));
  expect(told).toHaveLength(3);
});

test('a flood from ever new places is counted together past the bound', () => {
  const clock = new FakeClock(0);
  const told: AuditEntry[] = [];
  const repeats = new Repeats({ ...NO_AUDIT, note: (entry) => told.push(entry) }, clock, { maxCounted: 3 });
  for (let place = 0; place < 1_000; place += 1) repeats.note(refused(String(place)));
  repeats.note(refused('0'));
  expect(told.map(({ target }) => target)).toEqual(['0', '1', '2', 'others']);
  clock.advance(10_000);
  expect(told.slice(4).map(({ target, details }) => [target, details])).toEqual([
    ['0', { times: 1 }],
    ['others', { times: 996 }],
  ]);
});

test('one that makes up ever new targets is counted together, and takes nothing from the others', () => {
  const clock = new FakeClock(0);
  const told: AuditEntry[] = [];
  const repeats = new Repeats({ ...NO_AUDIT, note: (entry) => told.push(entry) }, clock, { maxOfActor: 2 });
  for (let target = 0; target < 1_000; target += 1) repeats.note(refused(String(target)));
  repeats.note({ ...refused('one'), actor: { kind: 'plugin', id: 'honest' } });
  expect(told.map(({ actor, target }) => `${actor.id} ${target}`)).toEqual([
    'unknown 0',
    'unknown 1',
    'unknown others',
    'honest one',
  ]);
  clock.advance(10_000);
  expect(told.slice(4).map(({ details }) => details)).toEqual([{ times: 997 }]);
  repeats.note(refused('later'));
  expect(told.at(-1)).toMatchObject({ target: 'later' });
});
