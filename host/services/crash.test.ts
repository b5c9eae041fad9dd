import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { RunScheduleResponse } from '@bulkhead/proto/plugin';
import { systemClock } from '../clock.js';
import { describeEachStore } from '../store/each-store.test-support.js';
import type { Store } from '../store/store.js';
import { NO_AUDIT } from '../telemetry/audit.js';
import { createSilentLogger } from '../telemetry/logger.js';
import { createSchedules } from './schedules/schedules.js';

const WRITING_HOST = fileURLToPath(new URL('fixtures/writing-host.mjs', import.meta.url));
const LANES = 8;
/** What one host acknowledges before it is killed. */
const ENOUGH = 300;

/** A process that writes until it is killed. */
class Writer {
  readonly #child: ChildProcess;
  readonly #said: { readonly what: string; readonly value: string }[] = [];
  readonly #ended: Promise<unknown>;
  #onLine: () => void = () => {};

  constructor(options: object) {
    this.#child = spawn(process.execPath, [WRITING_HOST, JSON.stringify(options)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const { stdout } = this.#child;
    if (stdout === null) throw new Error('expected a pipe');
    const lines = createInterface(stdout).on('line', (line) => {
      const [what = '', value = ''] = line.split(' ');
      this.#said.push({ what, value });
      this.#onLine();
    });
    this.#ended = once(lines, 'close');
  }

  told(what: string): readonly string[] {
    return this.#said.filter((line) => line.what === what).map(({ value }) => value);
  }

  /** Resolves when it has acknowledged that many more things. */
  async more(count: number): Promise<void> {
    const goal = this.#said.length + count;
    while (this.#said.length < goal) {
      await new Promise<void>((resolve, reject) => {
        this.#onLine = resolve;
        void this.#ended.then(() => {
          reject(new Error('the writing host ended by itself'));
        });
      });
    }
  }

  /** With nothing said before: what it acknowledged until then has been read. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}

describeEachStore('a host that is killed while it writes', (the) => {
  const writers: Writer[] = [];
  const write = async (): Promise<Writer> => {
    const writer = new Writer(await the.options());
    writers.push(writer);
    return writer;
  };
  afterEach(async () => {
    await Promise.all(writers.splice(0).map(async (writer) => writer.kill()));
  });

  /** Everything that the writers acknowledged is there, and nothing was counted that nobody wrote. */
  const expectKept = async (store: Store, by: readonly Writer[]): Promise<void> => {
    const rows = await store.db.selectFrom('kv').select(['key', 'number']).execute();
    const keys = new Set(rows.map(({ key }) => key));
    expect(by.flatMap((writer) => writer.told('key')).filter((key) => !keys.has(key))).toEqual([]);
    const counted = by.flatMap((writer) => writer.told('counted')).length;
    const n = rows.find(({ key }) => key === 'n')?.number ?? 0;
    expect(n).toBeGreaterThanOrEqual(counted);
    expect(n).toBeLessThanOrEqual(counted + by.length * LANES);
    const backlog = await store.db.selectFrom('event_backlog').select('event_id').execute();
    const events = backlog.map(({ event_id }) => event_id);
    expect(new Set(events).size).toBe(events.length);
    const kept = new Set(events);
    expect(by.flatMap((writer) => writer.told('event')).filter((id) => !kept.has(id))).toEqual([]);
  };
  const subscribe = async (store: Store): Promise<void> => {
    await store.db
      .insertInto('event_subscriptions')
      .values({ entry: 'p', pattern: '**', created_at: 0 })
      .execute();
  };

  test('loses nothing that was acknowledged', async () => {
    const store = await the.open();
    await subscribe(store);
    for (let times = 0; times < 2; times += 1) await (await write()).more(ENOUGH);
    const [first, second] = writers;
    if (first === undefined || second === undefined) throw new Error('expected two');
    // One dies in the middle; the other goes on.
    await first.kill();
    await second.more(ENOUGH);
    await second.kill();
    await expectKept(store, [first, second]);
    // Both asked for a run; one got it.
    expect([...first.told('run'), ...second.told('run')]).toHaveLength(1);
    expect([...first.told('refused'), ...second.told('refused')]).toEqual(['CONFLICT']);
  });

  test('its run of a schedule is interrupted, and repeated once by the host that goes on', async () => {
    const store = await the.open();
    const writer = await write();
    await writer.more(1);
    const [first] = writer.told('run');
    await writer.kill();
    const ran: string[] = [];
    const schedules = createSchedules({
      store,
      clock: systemClock,
      log: createSilentLogger(),
      audit: NO_AUDIT,
      plugins: () => [
        {
          name: 'p',
          declared: [{ name: 'tidy', cron: '0 0 1 1 *', timezone: 'UTC', retry: true, missed: 'skip' }],
          port: {
            serving: true,
            call: async (path) => {
              ran.push(path);
              return Promise.resolve(RunScheduleResponse.encode({}).finish());
            },
          },
        },
      ],
      bounds: () => ({ runTimeoutMs: 60_000, keepRuns: 100 }),
      ttlMs: 1_000,
    });
    schedules.start();
    const states = async () => {
      const { runs } = await schedules.runs({ entry: 'p', schedule: 'tidy', pageSize: 0, pageToken: '' });
      return runs.map(({ id, state }) => (id === first ? `first ${state}` : state));
    };
    await expect.poll(states, { timeout: 20_000 }).toEqual(['succeeded', 'first interrupted']);
    await schedules.stop();
    expect(ran).toHaveLength(1);
  });
});
