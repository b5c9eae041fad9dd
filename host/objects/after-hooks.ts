import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Notes, ObjectType } from '@bulkhead/proto/rules';
import type { Store } from '../store/store.js';
import { HOST_ACTOR, type AuditEntry } from '../telemetry/audit.js';
import type { HookParts } from './before-hooks.js';
import { OBJECT_HOOK_TIMEOUT_MS, callObjectHook, type HookTold } from './hook-call.js';
import type { HookedPlugin } from './hook-list.js';
import { ALLOWED, createRecord, failedReport } from './hook-record.js';
import type { ClaimedRun, HookRuns, RunIdentity } from './hook-runs.js';
import type { NoteChanges, NotesByPlugin } from './object-rows.js';

/** Waits before a run is tried again, in milliseconds; after the last one it is given up. */
const RETRY_MS = [1_000, 5_000, 30_000, 120_000, 600_000];
/** Wait for a plugin that is not there, in milliseconds; such an attempt does not count. */
const AWAY_MS = 2_000;
/** A run that waits longer is given up: 24 hours. */
const KEEP_MS = 24 * 60 * 60 * 1_000;
/** How often the store is asked for runs that another host left, in milliseconds. */
const POLL_MS = 5_000;
/** A run is another host's when its own did not end it for so long, in milliseconds. */
const LEASE_MS = OBJECT_HOOK_TIMEOUT_MS + 10_000;
/** Runs of one plugin at one time. */
const MAX_RUNNING = 4;

/** Failures that say nothing of the run: the plugin is down, or the host goes down. */
const AWAY: ReadonlySet<ErrorCode> = new Set([
  ErrorCode.PLUGIN_UNAVAILABLE,
  ErrorCode.PLUGIN_OVERLOADED,
  ErrorCode.SHUTTING_DOWN,
]);
/** Failures that another attempt would only repeat. */
const FINAL: ReadonlySet<ErrorCode> = new Set([
  ErrorCode.INVALID_ANSWER,
  ErrorCode.UNKNOWN_METHOD,
  ErrorCode.PERMISSION_DENIED,
  ErrorCode.MESSAGE_TOO_LARGE,
]);

export interface AfterHooksOptions {
  readonly parts: HookParts;
  readonly store: Store;
  readonly runs: HookRuns;
  /** What is noted on an object now. */
  readonly notesOf: (type: ObjectType, id: string) => Promise<NotesByPlugin>;
  /** Keeps notes with the end of the run: both, or neither. @returns false when the run is another host's by now */
  readonly end: (run: ClaimedRun, changes: NoteChanges, audit?: AuditEntry) => Promise<boolean>;
}

/** Runs the after hooks that the store holds, also those that a host left which is gone: at least once each. */
export class AfterHooks {
  readonly #options: AfterHooksOptions;
  /** How many runs of each plugin are under way. */
  readonly #running = new Map<string, number>();
  readonly #underway = new Set<Promise<void>>();
  #cancelPoll: () => void = () => undefined;
  #expiredMs = 0;
  #looking = false;
  #again = false;
  #stopped = true;

  constructor(options: AfterHooksOptions) {
    this.#options = options;
  }

  start(): void {
    this.#stopped = false;
    this.kick();
  }

  /** Looks for runs at once. */
  kick(): void {
    if (this.#stopped) return;
    if (this.#looking) this.#again = true;
    else this.#track(this.#look());
  }

  /** What runs ends, at most as long as a hook may take. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelPoll();
    await Promise.all(this.#underway);
  }

  #track(work: Promise<void>): void {
    this.#underway.add(work);
    void work.finally(() => this.#underway.delete(work));
  }

  async #look(): Promise<void> {
    const { log } = this.#options.parts;
    this.#looking = true;
    this.#cancelPoll();
    try {
      do {
        this.#again = false;
        await this.#expire();
        await this.#claimDue();
      } while (this.#again && !this.#stopped);
    } catch (error) {
      log.error({ err: error }, 'after hooks could not be looked for; tried again later');
    }
    this.#looking = false;
    if (!this.#stopped) this.#pollIn(POLL_MS);
  }

  #pollIn(delayMs: number): void {
    this.#cancelPoll();
    this.#cancelPoll = this.#options.parts.clock.after(delayMs, () => {
      this.kick();
    });
  }

  async #claimDue(): Promise<void> {
    const { parts, store, runs } = this.#options;
    const free = new Map(
      parts.active().flatMap((plugin) => {
        const { name, objectHookMode: mode } = plugin.config;
        const full = (this.#running.get(name) ?? 0) >= MAX_RUNNING;
        return full || mode === 'disabled' || parts.rotation.isOut(name) ? [] : [[name, plugin] as const];
      }),
    );
    const now = parts.clock.now();
    for (const name of await runs.due(store.db, [...free.keys()], now)) {
      const plugin = free.get(name);
      if (plugin === undefined || this.#stopped) continue;
      const room = MAX_RUNNING - (this.#running.get(name) ?? 0);
      for (const run of await runs.claim(store.db, name, room, now, LEASE_MS)) {
        this.#running.set(name, (this.#running.get(name) ?? 0) + 1);
        this.#track(this.#run(plugin, run));
      }
    }
  }

  /** Never rejects. */
  async #run(plugin: HookedPlugin, run: ClaimedRun): Promise<void> {
    const { parts } = this.#options;
    try {
      const settled = await this.#attempt(plugin, run);
      // The next one of this object may run now.
      if (settled) this.kick();
    } catch (error) {
      parts.log.error(
        { plugin: run.plugin, err: error },
        'the end of an after hook could not be written down',
      );
    } finally {
      const left = (this.#running.get(run.plugin) ?? 1) - 1;
      if (left === 0) this.#running.delete(run.plugin);
      else this.#running.set(run.plugin, left);
    }
  }

  /** @returns whether the run has ended */
  async #attempt(plugin: HookedPlugin, run: ClaimedRun): Promise<boolean> {
    const { parts, end, notesOf } = this.#options;
    let told: HookTold;
    try {
      const notes = await notesOf(run.type, run.objectId);
      told = { ...run, ...run.open(), notes, dryRun: false };
    } catch (thrown) {
      return this.#failed(run, BulkheadError.from(thrown));
    }
    const started = parts.clock.monotonic();
    let noted: Notes;
    try {
      ({ notes: noted } = await callObjectHook(parts.depths, plugin, told));
    } catch (thrown) {
      const error = BulkheadError.from(thrown);
      parts.onRecord(
        createRecord(plugin, run, failedReport(error, 'allow'), parts.clock.monotonic() - started),
      );
      const ended = await this.#failed(run, error);
      if (ended && plugin.config.onError === 'disable')
        parts.rotation.disable(run.plugin, `${error.code}: ${error.message}`);
      return ended;
    }
    parts.onRecord(createRecord(plugin, run, ALLOWED, parts.clock.monotonic() - started));
    try {
      await end(run, new Map([[plugin.config.manifest.id, noted]]));
    } catch (thrown) {
      const error = BulkheadError.from(thrown);
      if (error.code !== ErrorCode.QUOTA_EXCEEDED) throw error;
      await end(run, new Map(), givenUp(run, error.code, error.message));
    }
    return true;
  }

  /** Puts it off, or gives it up. @returns whether it was given up */
  async #failed(run: ClaimedRun, error: BulkheadError): Promise<boolean> {
    const { parts, store, runs, end } = this.#options;
    const away = AWAY.has(error.code);
    const waitMs = away ? AWAY_MS : RETRY_MS[run.attempts - 1];
    const said = { plugin: run.plugin, operationId: run.operationId, code: error.code, err: error };
    if (waitMs === undefined || FINAL.has(error.code)) {
      parts.log.error(said, 'after hook given up');
      const reason = `after ${String(run.attempts)} attempts: ${error.message}`;
      await end(run, new Map(), givenUp(run, error.code, reason));
      return true;
    }
    parts.log.warn({ ...said, waitMs }, 'after hook failed; it is tried again');
    await runs.defer(store.db, run, parts.clock.now() + waitMs, !away);
    parts.clock.after(waitMs, () => {
      this.kick();
    });
    return false;
  }

  async #expire(): Promise<void> {
    const { parts, store, runs } = this.#options;
    const now = parts.clock.now();
    if (now - this.#expiredMs < POLL_MS) return;
    this.#expiredMs = now;
    for (const run of await runs.expire(store.db, now - KEEP_MS))
      parts.audit.note(givenUp(run, ErrorCode.DEADLINE_EXCEEDED, 'the plugin was not there for 24 hours'));
  }
}

function givenUp(run: RunIdentity, code: ErrorCode, reason: string): AuditEntry {
  return {
    actor: HOST_ACTOR,
    action: 'object_hook.given_up',
    target: `${run.type}/${run.objectId}`,
    outcome: 'error',
    code,
    reason,
    details: { plugin: run.plugin, hook: run.hook, operation_id: run.operationId },
  };
}
