import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import { problemAt, type SchemaProblem } from '@bulkhead/proto/rules/schema';
import type { Manifest } from './manifest.js';
import { parseTimes } from './schedule-times.js';

/** Schedules of a manifest that could never fire: times that are none, or a time zone that nobody knows. */
export function scheduleFaults({ contributions }: Manifest): readonly SchemaProblem[] {
  return contributions.schedules.flatMap(({ cron, timezone }, index) => {
    try {
      parseTimes(cron, timezone);
      return [];
    } catch (thrown) {
      const { field = 'cron', message } = BulkheadError.from(thrown);
      return [
        problemAt(ErrorCode.MANIFEST_INVALID, ['contributes', 'schedules', index, field], `${message}.`),
      ];
    }
  });
}
