import { LRUCache } from 'lru-cache';
import type { Limits } from './config.js';
import { WINDOW_NAMES, windowAt, windowEnd, type WindowName } from './windows.js';

/** What one key has spent in its current windows. */
type Account = Record<WindowName, { window: number; used: number }>;

/** A window in which the tokens asked for do not fit. */
export interface Exceeded {
  readonly window: WindowName;
  readonly limit: number;
  readonly used: number;
  /** When the window ends, in milliseconds since the epoch. */
  readonly resetsAtMs: number;
}

/** Counts tokens per key and window. Bounded: the key that was seen longest ago is forgotten first. */
export interface Ledger {
  /** The window that ends last of those in which `tokens` more do not fit; undefined when they fit everywhere. */
  exceeded(key: string, tokens: number, limits: Limits, nowMs: number): Exceeded | undefined;
  /** Adds tokens; a negative number gives some back. */
  spend(key: string, tokens: number, nowMs: number): void;
}

export function createLedger(maxKeys: number): Ledger {
  const accounts = new LRUCache<string, Account>({ max: maxKeys });

  const accountOf = (key: string, nowMs: number): Account => {
    let account = accounts.get(key);
    if (account === undefined) {
      account = { minute: empty(), hour: empty(), day: empty() };
      accounts.set(key, account);
    }
    for (const name of WINDOW_NAMES) {
      const window = windowAt(name, nowMs);
      if (account[name].window !== window) account[name] = { window, used: 0 };
    }
    return account;
  };

  return {
    exceeded(key, tokens, limits, nowMs) {
      const account = accountOf(key, nowMs);
      // From the longest: to wait for the minute is no use when the day is spent.
      for (const window of WINDOW_NAMES.toReversed()) {
        const limit = limits[window];
        const { used } = account[window];
        if (typeof limit === 'number' && used + tokens > limit) {
          return { window, limit, used, resetsAtMs: windowEnd(window, nowMs) };
        }
      }
      return undefined;
    },
    spend(key, tokens, nowMs) {
      const account = accountOf(key, nowMs);
      for (const name of WINDOW_NAMES) account[name].used = Math.max(0, account[name].used + tokens);
    },
  };
}

function empty(): Account[WindowName] {
  return { window: -1, used: 0 };
}
