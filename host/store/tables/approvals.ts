/** One call of a tool that an operator is asked about. */
export interface ApprovalTable {
  id: string;
  /** SHA-256 of tool, what it runs, canonical arguments and caller: what "the same call" means. */
  call_key: string;
  tool: string;
  /** What the tool was when it was asked about; null where the name says all. */
  runs: string | null;
  /** The arguments that would run, JSON text. */
  args_json: string;
  /** Who calls, for example `app/shop` or `plugin/notes`. */
  caller: string;
  app_id: string | null;
  tenant_id: string | null;
  user_id: string | null;
  request_id: string | null;
  /** `pending`, `approved`, `denied`, `used` or `expired`. */
  state: string;
  /** JSON text of the policy that asked for it, and of the one that held when it was decided. */
  policy_json: string;
  decided_policy_json: string | null;
  created_at: number;
  /** When a pending one can no longer be decided, an approved one no longer be used, a denial no longer stands. */
  expires_at: number;
  decided_at: number | null;
  decided_by: string | null;
  reason: string | null;
  used_at: number | null;
}
