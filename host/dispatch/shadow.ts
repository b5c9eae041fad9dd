import type { Outcome } from './invocation.js';

export interface ShadowCounts {
  readonly runs: number;
  readonly wouldDeny: number;
  readonly wouldChange: number;
  readonly errors: number;
}

/** What a plugin in `audit` would have done, had it been `sequential`. */
export interface ShadowView extends ShadowCounts {
  readonly plugin: string;
  /** Per tool (prompt, resource, agent), most runs first. */
  readonly bySubject: readonly ({ readonly subject: string } & ShadowCounts)[];
}

type Mutable = { -readonly [K in keyof ShadowCounts]: number };

/** Subjects counted one by one per plugin; the rest are counted together. */
const MAX_SUBJECTS = 1_000;
const OTHERS = '(others)';
/** Characters of a subject that are kept: a caller may name any tool. */
const MAX_SUBJECT = 200;

const zero = (): Mutable => ({ runs: 0, wouldDeny: 0, wouldChange: 0, errors: 0 });

/** Counts of audit runs since the start, for deciding about promotion. */
export class Shadow {
  readonly #plugins = new Map<string, { total: Mutable; bySubject: Map<string, Mutable> }>();

  count(plugin: string, subject: string, requested: Outcome, failed: boolean): void {
    let counts = this.#plugins.get(plugin);
    if (counts === undefined) this.#plugins.set(plugin, (counts = { total: zero(), bySubject: new Map() }));
    const short = subject.slice(0, MAX_SUBJECT);
    const key = counts.bySubject.has(short) || counts.bySubject.size < MAX_SUBJECTS ? short : OTHERS;
    let own = counts.bySubject.get(key);
    if (own === undefined) counts.bySubject.set(key, (own = zero()));
    for (const each of [counts.total, own]) {
      each.runs++;
      if (failed) each.errors++;
      else if (requested === 'deny') each.wouldDeny++;
      else if (requested === 'modify') each.wouldChange++;
    }
  }

  view(plugin: string): ShadowView {
    const counts = this.#plugins.get(plugin);
    return {
      plugin,
      ...(counts?.total ?? zero()),
      bySubject: [...(counts?.bySubject ?? [])]
        .map(([subject, own]) => ({ subject, ...own }))
        .sort((one, other) => other.runs - one.runs),
    };
  }

  retain(plugins: ReadonlySet<string>): void {
    for (const plugin of this.#plugins.keys()) if (!plugins.has(plugin)) this.#plugins.delete(plugin);
  }
}
