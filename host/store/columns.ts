import type { ColumnDefinitionBuilder } from 'kysely';
import type { Engine } from './store.js';

/** Column types that mean the same on both engines. Times are milliseconds since the Unix epoch, JSON is text, truth is 0 or 1. */
export const columns = (engine: Engine) => ({
  text: 'text' as const,
  /** A whole number up to 2^53. */
  int: 'bigint' as const,
  real: 'double precision' as const,
  bytes: engine === 'postgres' ? ('bytea' as const) : ('blob' as const),
  /** The type of a column that numbers its rows; `autoId` makes it the key. */
  id: engine === 'postgres' ? ('bigserial' as const) : ('integer' as const),
  autoId: (column: ColumnDefinitionBuilder): ColumnDefinitionBuilder =>
    engine === 'postgres' ? column.primaryKey() : column.primaryKey().autoIncrement(),
});
