/** Runs operations one after another, in the order in which they were asked for. */
export function createOneAtATime(): <T>(operation: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return async (operation) => {
    const run = last.then(operation);
    last = run.catch(() => undefined);
    return run;
  };
}
