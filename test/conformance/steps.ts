import { expect } from 'vitest';
import { isBulkheadError } from '@bulkhead/proto';

/** What must hold of a service, by a sentence that says it. */
export type Steps<Subject> = Readonly<Record<string, (subject: Subject) => Promise<void>>>;

/** An error of this code, at this field. */
export const failing = (code: string, field?: string) =>
  expect.toSatisfy(
    (error) =>
      isBulkheadError(error) && error.code === code && (field === undefined || error.field === field),
    `${code}${field === undefined ? '' : ` at ${field}`}`,
  );
