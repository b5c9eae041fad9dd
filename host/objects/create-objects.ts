import type { ObjectType } from '@bulkhead/proto/rules';
import type { Clock } from '../clock.js';
import type { PluginRecord } from '../dispatch/invocation.js';
import type { EventOutbox } from '../events/outbox.js';
import type { Store } from '../store/store.js';
import type { Audit } from '../telemetry/audit.js';
import type { Logger } from '../telemetry/logger.js';
import { AfterHooks } from './after-hooks.js';
import type { HookParts } from './before-hooks.js';
import { createCollection } from './collection.js';
import { announceChange, commitRun } from './commit.js';
import { HookDepths } from './hook-depth.js';
import type { HookRotation, HookedPlugin } from './hook-list.js';
import { createHookRuns } from './hook-runs.js';
import { createObjectTable, type ObjectTable } from './object-table.js';
import type { Objects } from './objects.js';
import type { Seal } from './seal.js';

export interface ObjectsOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly audit: Audit;
  readonly events: Pick<EventOutbox, 'append' | 'appending' | 'wake'>;
  /** Encrypts secrets inside objects. */
  readonly seal: Seal;
  /** The plugins that take calls now. */
  readonly active: () => readonly HookedPlugin[];
  readonly rotation: HookRotation;
  /** Takes the record of every run of an object hook; must be quick. */
  readonly onRecord: (record: PluginRecord) => void;
}

export interface ObjectsPart {
  readonly objects: Objects;
  /** From now on after hooks run, those that a host left too. */
  start(): void;
  /** After plugins have stopped. */
  stop(): Promise<void>;
}

/** The tables of all types. */
export type ObjectTables = { readonly [Type in ObjectType]: ObjectTable<Type> };

/** Puts the objects together. */
export function createObjects(options: ObjectsOptions): ObjectsPart {
  const { store, seal } = options;
  const hooks: HookParts = { ...options, depths: new HookDepths() };
  const tables: ObjectTables = {
    llm: createObjectTable('llm', seal),
    datasource: createObjectTable('datasource', seal),
    tool: createObjectTable('tool', seal),
    user: createObjectTable('user', seal),
    app: createObjectTable('app', seal),
  };
  const runs = createHookRuns(seal);
  const after = new AfterHooks({
    parts: hooks,
    store,
    runs,
    notesOf: async (type, id) => (await tables[type].find(store.db, id))?.notes ?? {},
    async end(run, changes, audit) {
      const ended = await commitRun({ ...options, runs, table: tables[run.type] }, run, changes, audit);
      if (ended && changes.size > 0) await announceChange(options, run.type, run.objectId);
      return ended;
    },
  });
  const parts = {
    ...options,
    hooks,
    runs,
    onPending: () => {
      after.kick();
    },
  };
  return {
    objects: {
      llm: createCollection('llm', tables.llm, parts),
      datasource: createCollection('datasource', tables.datasource, parts),
      tool: createCollection('tool', tables.tool, parts),
      user: createCollection('user', tables.user, parts),
      app: createCollection('app', tables.app, parts),
    },
    start() {
      after.start();
    },
    stop: () => after.stop(),
  };
}
