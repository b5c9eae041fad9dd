import type { Kv } from '@bulkhead/sdk';

export interface Note {
  readonly id: number;
  readonly text: string;
  readonly tags: readonly string[];
  /** ISO 8601. */
  readonly saved_at: string;
}

const DAY_MS = 86_400_000;
/** Wide enough that keys sort as their numbers do. */
const DIGITS = 12;

/** Whose notes: those of one app. What is no app's own, such as a command line's, is shared. */
export type Owner = string | undefined;

/** Notes in the host's key-value store, each owner's under a prefix of its own. */
export function createNoteStore(kv: Kv, keepDays: number) {
  const prefix = (owner: Owner): string =>
    owner === undefined ? 'shared/' : `app/${encodeURIComponent(owner)}/`;
  const keyOf = (owner: Owner, id: number): string => `${prefix(owner)}${String(id).padStart(DIGITS, '0')}`;

  return {
    async save(owner: Owner, text: string, tags: readonly string[], savedAt: Date): Promise<Note> {
      // Counted by the store, not here: two processes that save at once get two numbers.
      const id = await kv.increment('last-id');
      const note: Note = { id, text, tags, saved_at: savedAt.toISOString() };
      await kv.set(keyOf(owner, id), note, { ttlMs: keepDays * DAY_MS });
      return note;
    },

    get: (owner: Owner, id: number): Promise<Note | undefined> => kv.get<Note>(keyOf(owner, id)),

    delete: (owner: Owner, id: number): Promise<boolean> => kv.delete(keyOf(owner, id)),

    /** Newest first. */
    async list(owner: Owner, limit: number, tag?: string): Promise<readonly Note[]> {
      const keys: string[] = [];
      for await (const { key } of kv.all({ prefix: prefix(owner), pageSize: 1_000 })) keys.push(key);
      const newest = keys.toReversed();
      const found: Note[] = [];
      // Some at a time in one call, until there are enough.
      for (let at = 0; at < newest.length && found.length < limit; at += 100) {
        const notes = await kv.getMany<Note>(newest.slice(at, at + 100));
        found.push(
          ...[...notes.values()]
            .filter(({ tags }) => tag === undefined || tags.includes(tag))
            .toSorted((a, b) => b.id - a.id),
        );
      }
      return found.slice(0, limit);
    },
  };
}
