/** About 250 bytes of JSON arguments, as a tool call might carry. */
export const args = {
  query: 'quarterly revenue by region, compared with the year before',
  filters: { regions: ['emea', 'apac', 'amer'], from: '2026-01-01', to: '2026-09-30', currency: 'EUR' },
  limit: 50,
  include_forecast: false,
  request_note: 'weekly report, please keep the order of the columns',
};

export const payload = { name: 'report', args, headers: {} };

/** The same call with a string that brings its arguments to about `bytes`. */
export function payloadOf(bytes: number): typeof payload {
  return { ...payload, args: { ...args, request_note: 'x'.repeat(bytes) } };
}
