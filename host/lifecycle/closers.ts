/** What closes what was opened, in the opposite order. */
export interface Closers {
  add(close: () => void | Promise<void>): void;
  /** Never rejects. */
  closeAll(): Promise<void>;
}

/** @param onError hears of what could not be closed; the rest is closed all the same */
export function createClosers(onError: (error: unknown) => void): Closers {
  const closers: (() => void | Promise<void>)[] = [];
  return {
    add(close) {
      closers.push(close);
    },
    async closeAll() {
      for (const close of closers.splice(0).reverse()) {
        try {
          await close();
        } catch (error) {
          onError(error);
        }
      }
    },
  };
}
