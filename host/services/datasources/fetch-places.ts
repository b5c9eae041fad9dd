import { BulkheadError, ErrorCode } from '@bulkhead/proto';

/** Answers of HTTP data sources that are fetched, or wait to be read, at once: each may be as large as one may be. */
const MAX_FETCHES = 32;
const MAX_FETCHES_PER_CALLER = 16;

/** Bounds what is fetched, and kept, at once. */
export interface FetchPlaces {
  /**
   * @returns gives the place back
   * @throws QUOTA_EXCEEDED when there is none
   */
  enter(caller: string): () => void;
}

export function createFetchPlaces(): FetchPlaces {
  const callers: string[] = [];
  return {
    enter(caller) {
      const own = callers.filter((one) => one === caller).length;
      if (callers.length >= MAX_FETCHES || own >= MAX_FETCHES_PER_CALLER)
        throw new BulkheadError(ErrorCode.QUOTA_EXCEEDED, 'too many HTTP data sources are asked at once', {
          retryable: true,
        });
      callers.push(caller);
      return () => {
        const at = callers.indexOf(caller);
        if (at >= 0) callers.splice(at, 1);
      };
    },
  };
}
