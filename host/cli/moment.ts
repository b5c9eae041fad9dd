import { BulkheadError, ErrorCode } from '@bulkhead/proto';

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * A time as a person writes it: `2026-11-25T10:00:00Z`, or a span back from now such as `30m`.
 *
 * @returns ISO 8601
 * @throws USAGE
 */
export function parseMoment(option: string, text: string, nowMs: number): string {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const spanMs = unit === undefined ? undefined : UNITS_MS[unit];
  const at = spanMs === undefined ? Date.parse(text) : nowMs - Number(count) * spanMs;
  if (Number.isFinite(at)) return new Date(at).toISOString();
  throw new BulkheadError(
    ErrorCode.USAGE,
    `expected a time such as 2026-11-25T10:00:00Z, or a span such as 30m, 12h or 7d in ${option}, got '${text}'`,
  );
}
