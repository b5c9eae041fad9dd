import type { Generated } from 'kysely';

/** One llm, datasource, tool, user or app. */
export interface ObjectRow {
  type: string;
  id: string;
  /** What is unique in its type: slug or e-mail address in lower case; null where nothing is. */
  unique_key: string | null;
  // What lists filter by.
  name: string | null;
  vendor: string | null;
  kind: string | null;
  server: string | null;
  plugin: string | null;
  team: string | null;
  user_id: string | null;
  tenant_id: string | null;
  active: number;
  /** JSON text of its fields; secrets are sealed. */
  data: string;
  /** JSON text: what plugins noted, by plugin and name. */
  notes: string;
  etag: string;
  created_ms: number;
  updated_ms: number;
}

/** Whose a credential is. */
export interface ObjectCredentialRow {
  type: string;
  hash: string;
  object_id: string;
}

/** An after hook that has to run. */
export interface ObjectHookRunRow {
  id: Generated<number>;
  /** The configured entry. */
  plugin: string;
  /** For example `after_create`. */
  hook: string;
  object_type: string;
  object_id: string;
  operation_id: string;
  /** JSON text of what the hook is told; secrets are sealed. */
  payload: string;
  /** How many object hooks deep the change was made. */
  depth: number;
  attempts: number;
  due_ms: number;
  /** Whoever set this runs it now, until `due_ms`. */
  claim: string | null;
  created_ms: number;
}

export interface ObjectTables {
  objects: ObjectRow;
  object_credentials: ObjectCredentialRow;
  object_hook_runs: ObjectHookRunRow;
}
