import { pino } from 'pino';
import { expect, test } from 'vitest';
import { MAX_LINE_BYTES, PluginLog } from './plugin-log.js';

function createLog(redact = (text: string): string => text) {
  const entries: Record<string, unknown>[] = [];
  const log = pino(
    { level: 'trace' },
    { write: (text: string) => entries.push(JSON.parse(text) as Record<string, unknown>) },
  );
  let now = 0;
  const timers: { at: number; callback: () => void }[] = [];
  const clock = {
    now: () => now,
    monotonic: () => now,
    after(delayMs: number, callback: () => void) {
      timers.push({ at: now + delayMs, callback });
      return () => {};
    },
  };
  const advance = (ms: number): void => {
    now += ms;
    for (const timer of timers.filter(({ at }) => at <= now)) {
      timers.splice(timers.indexOf(timer), 1);
      timer.callback();
    }
  };
  return { plugin: new PluginLog({ log: log.child({ plugin: 'p' }), clock, redact }), entries, advance };
}

test('a line carries the plugin, its process, its stream, its level and its fields', () => {
  const { plugin, entries } = createLog();
  plugin.pid = 42;
  plugin.stdout.write(Buffer.from('plain\n'));
  plugin.stderr.write(Buffer.from('{"level":"warn","msg":"typed","pid":1,"k":[1]}\n'));
  expect(entries).toMatchObject([
    { level: 30, plugin: 'p', plugin_pid: 42, stream: 'stdout', msg: 'plain' },
    { level: 40, plugin: 'p', plugin_pid: 42, stream: 'stderr', msg: 'typed', fields: { k: [1] } },
  ]);
});

test('a line over 64 KiB is cut and says by how much', () => {
  const { plugin, entries } = createLog();
  plugin.stderr.write(Buffer.from(`${'z'.repeat(MAX_LINE_BYTES + 5)}\nnext\n`));
  expect(entries).toHaveLength(2);
  expect(entries[0]).toMatchObject({ truncated_bytes: 5 });
  expect(String(entries[0]?.['msg'])).toHaveLength(MAX_LINE_BYTES);
  expect(entries[1]).toMatchObject({ msg: 'next' });
});

test('lines pass by their bytes too, which are counted before anything is done with them', () => {
  let redacted = 0;
  const { plugin, entries, advance } = createLog((text) => {
    redacted += text.length;
    return text;
  });
  const line = Buffer.from(`${'x'.repeat(64_000)}\n`);
  for (let count = 0; count < 900; count += 1) plugin.stdout.write(line);
  expect(redacted).toBeLessThanOrEqual(4 * 1_048_576);
  const kept = entries.length;
  expect(kept).toBe(65);
  advance(1_000);
  expect(entries.at(-1)).toMatchObject({ dropped: 900 - kept });
  for (let count = 0; count < 900; count += 1) plugin.stdout.write(line);
  expect(redacted).toBeLessThanOrEqual(5 * 1_048_576 + 64_000);
});

test('past the rate lines are counted, the count is said, and the last lines are still known', () => {
  const { plugin, entries, advance } = createLog();
  for (let line = 0; line < 10_000; line += 1) plugin.stderr.write(Buffer.from(`line ${line}\n`));
  expect(entries).toHaveLength(2_000);
  advance(1_000);
  expect(entries.at(-1)).toMatchObject({ level: 40, dropped: 8_000 });
  plugin.stderr.write(Buffer.from('after\n'));
  expect(entries.at(-1)).toMatchObject({ msg: 'after' });
  const last = plugin.lastLines();
  expect(last).toHaveLength(50);
  expect(last.slice(-2)).toEqual(['line 9999', 'after']);
});

test('what was dropped is said at the end, too, and a last line without a newline comes out', () => {
  const { plugin, entries } = createLog();
  plugin.stdout.write(Buffer.from('\n'.repeat(10) + 'x\n'.repeat(2_001) + 'the end'));
  plugin.end();
  expect(entries).toHaveLength(2_001);
  expect(entries.at(-1)).toMatchObject({ dropped: 2 });
  expect(plugin.lastLines().at(-1)).toBe('the end');
});

test('secrets are taken out of lines, fields and last lines', () => {
  const { plugin, entries } = createLog((text) => text.replaceAll('hunter2', '***'));
  plugin.stdout.write(Buffer.from('password hunter2\n{"msg":"hunter2","p":"hunter2"}\n'));
  plugin.write({ level: 'info', message: 'hunter2' }, 7, () => undefined, {});
  expect(JSON.stringify(entries)).not.toContain('hunter2');
  expect(plugin.lastLines().join()).not.toContain('hunter2');
});
