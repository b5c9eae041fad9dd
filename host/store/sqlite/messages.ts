// What the main thread and a store's worker say to each other. The worker imports only types of this file.

export type Value = null | number | bigint | string | Uint8Array;

export interface Statement {
  readonly sql: string;
  readonly parameters: readonly Value[];
  /** Whether it answers rows; otherwise it answers how many it changed. */
  readonly rows: boolean;
}

/** Statements that stand or fall together. */
export type Unit = readonly Statement[];

/** `Row` is `object` in the worker; for who asks it is `never`, because only the asker knows the shape of what it asked for. */
export type Result<Row = never> =
  { readonly rows: Row[] } | { readonly changes: bigint; readonly lastId: bigint };

/** An error as SQLite or Node tells it. `errcode` is SQLite's extended result code. */
export interface EngineFault {
  readonly message: string;
  readonly errcode?: number;
}

export type Outcome<Row = never> =
  | { readonly ok: true; readonly results: readonly Result<Row>[] }
  | { readonly ok: false; readonly fault: EngineFault };

/** One step of the transaction that is open. */
export type Step = 'begin' | 'commit' | 'rollback' | Statement;

export type Request =
  | { readonly kind: 'group'; readonly id: number; readonly units: readonly Unit[] }
  | { readonly kind: 'steps'; readonly id: number; readonly steps: readonly Step[] }
  | { readonly kind: 'close'; readonly id: number };

/** Outcomes of a request from its `first` unit or step on; a group is answered commit by commit. */
export interface Answer<Row = never> {
  readonly id: number;
  readonly first: number;
  readonly outcomes: readonly Outcome<Row>[];
}

export interface WorkerSettings {
  readonly path: string;
  readonly role: 'write' | 'read';
}
