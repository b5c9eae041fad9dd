import {
  CHAIN_START,
  hashOf,
  signedText,
  type ChainEntry,
  type ChainHead,
  type ChainPlace,
  type Checkpoint,
} from './chain.js';
import { hostIdOf, isSignedBy } from './host-key.js';

/** What is verified: the tables of a store, or an export of them. */
export interface AuditSource {
  heads(): Promise<readonly ChainHead[]>;
  checkpoints(): Promise<readonly Checkpoint[]>;
  /** Every host with an entry, whether it has a head or not. */
  hosts(): Promise<readonly string[]>;
  /** What hosts noted of each other's chains. */
  claims(): AsyncIterable<ChainClaim>;
  /** Of one chain, from its begin. */
  entries(host: string): AsyncIterable<ChainEntry>;
}

/** Somebody says that entry `seq` of a host's chain had this hash. */
export interface ChainClaim extends ChainPlace {
  readonly host: string;
  /** Who says it, for people: `host 4f…, entry 12`. */
  readonly by: string;
}

export interface AuditBreak {
  readonly host: string;
  readonly seq: number;
  readonly what:
    | 'CHANGED'
    | 'MISSING'
    | 'BROKEN_LINK'
    | 'END_MISSING'
    | 'NOTED_DIFFERENTLY'
    | 'HEAD_INVALID'
    | 'CHECKPOINT_INVALID';
  readonly message: string;
}

export interface VerifiedChain {
  readonly host: string;
  /** Base64 of the SPKI; its fingerprint is the host's id. Empty without a head. */
  readonly public_key: string;
  readonly entries: number;
  readonly first: number;
  readonly last: number;
  readonly hash: string;
  /** Entries up to this one were removed behind a signed checkpoint; 0: none. */
  readonly pruned_to: number;
}

export interface AuditVerification {
  readonly ok: boolean;
  readonly chains: readonly VerifiedChain[];
  /** In order, at most 100. */
  readonly breaks: readonly AuditBreak[];
}

const MAX_BREAKS = 100;

/** Walks every chain and tells each place where it breaks. */
export async function verifyAudit(
  source: AuditSource,
  extra: readonly ChainClaim[] = [],
): Promise<AuditVerification> {
  const heads = new Map((await source.heads()).map((head) => [head.host, head]));
  const checkpoints = new Map((await source.checkpoints()).map((one) => [one.host, one]));
  const claims = new Map<string, Map<number, ChainClaim>>();
  const claim = (one: ChainClaim): void => {
    const known = claims.get(one.host);
    if (known === undefined) claims.set(one.host, new Map([[one.seq, one]]));
    else known.set(one.seq, one);
  };
  for await (const one of source.claims()) claim(one);
  extra.forEach(claim);
  const hosts = new Set([...heads.keys(), ...(await source.hosts()), ...claims.keys()]);
  const breaks: AuditBreak[] = [];
  const chains: VerifiedChain[] = [];
  for (const host of [...hosts].sort()) {
    const walk = new Walk(
      host,
      heads.get(host),
      checkpoints.get(host),
      claims.get(host) ?? new Map(),
      breaks,
    );
    for await (const entry of source.entries(host)) walk.next(entry);
    chains.push(walk.end());
  }
  return { ok: breaks.length === 0, chains, breaks };
}

/** One chain, entry by entry. */
class Walk {
  readonly #host: string;
  readonly #head: ChainHead | undefined;
  readonly #claims: ReadonlyMap<number, ChainClaim>;
  readonly #breaks: AuditBreak[];
  readonly #begin: ChainPlace;
  #at: ChainPlace;
  #entries = 0;
  #first = 0;

  constructor(
    host: string,
    head: ChainHead | undefined,
    checkpoint: Checkpoint | undefined,
    claims: ReadonlyMap<number, ChainClaim>,
    breaks: AuditBreak[],
  ) {
    this.#host = host;
    this.#head = head;
    this.#claims = claims;
    this.#breaks = breaks;
    this.#begin = checkpoint ?? CHAIN_START;
    this.#at = this.#begin;
    this.#checkSignatures(checkpoint);
  }

  next(entry: ChainEntry): void {
    // What is written while the chain is walked has a head of its own.
    if (this.#head !== undefined && entry.seq > this.#head.seq) return;
    if (entry.seq <= this.#begin.seq) {
      this.#tell(
        entry.seq,
        'CHECKPOINT_INVALID',
        'it lies behind the checkpoint and should have been removed',
      );
      return;
    }
    this.#entries += 1;
    this.#first ||= entry.seq;
    const expected = this.#at.seq + 1;
    if (entry.seq !== expected) {
      const missing =
        entry.seq - expected === 1 ? `entry ${expected} is` : `entries ${expected} to ${entry.seq - 1} are`;
      this.#tell(expected, 'MISSING', `${missing} missing`);
    } else if (entry.prev !== this.#at.hash) {
      this.#tell(
        entry.seq,
        'BROKEN_LINK',
        `it follows an entry with the hash ${entry.prev}; the one before it has ${this.#at.hash}`,
      );
    }
    const hash = hashOf(entry);
    if (hash !== entry.hash) {
      this.#tell(
        entry.seq,
        'CHANGED',
        `its content (${entry.action}) has the hash ${hash}; it was chained with ${entry.hash}`,
      );
    }
    const claim = this.#claims.get(entry.seq);
    if (claim !== undefined && claim.hash !== entry.hash) {
      this.#tell(
        entry.seq,
        'NOTED_DIFFERENTLY',
        `it has the hash ${entry.hash}; ${claim.by} noted ${claim.hash}`,
      );
    }
    this.#at = entry;
  }

  end(): VerifiedChain {
    const head = this.#head;
    const { seq, hash } = this.#at;
    if (head === undefined) {
      this.#tell(seq, 'HEAD_INVALID', 'the record of where the chain ends is missing');
    } else if (seq < head.seq) {
      this.#tell(
        seq + 1,
        'END_MISSING',
        `the chain ends at entry ${seq}; its signed head is entry ${head.seq}`,
      );
    } else if (hash !== head.hash) {
      this.#tell(
        seq,
        'HEAD_INVALID',
        `the last entry has the hash ${hash}; the signed head says ${head.hash}`,
      );
    }
    for (const claim of this.#claims.values()) {
      if (claim.seq <= Math.max(seq, head?.seq ?? 0)) continue;
      this.#tell(
        claim.seq,
        'END_MISSING',
        `the chain ends at entry ${seq}; ${claim.by} noted entry ${claim.seq}`,
      );
    }
    return {
      host: this.#host,
      public_key: head?.public_key ?? '',
      entries: this.#entries,
      first: this.#first,
      last: seq,
      hash,
      pruned_to: this.#begin.seq,
    };
  }

  #checkSignatures(checkpoint: Checkpoint | undefined): void {
    const head = this.#head;
    if (head === undefined) return;
    const signs = (what: 'head' | 'checkpoint', place: Checkpoint): boolean =>
      isSignedBy(this.#host, head.public_key, signedText(what, place), place.signature);
    if (!signs('head', head))
      this.#tell(head.seq, 'HEAD_INVALID', `the head is not signed by this host: ${whyNot(head)}`);
    if (checkpoint !== undefined && !signs('checkpoint', checkpoint))
      this.#tell(checkpoint.seq, 'CHECKPOINT_INVALID', 'the checkpoint is not signed by this host');
  }

  #tell(seq: number, what: AuditBreak['what'], message: string): void {
    if (this.#breaks.length < MAX_BREAKS) this.#breaks.push({ host: this.#host, seq, what, message });
  }
}

function whyNot({ host, public_key: publicKey }: ChainHead): string {
  return hostIdOf(publicKey) === host ? 'the signature does not fit' : 'the key beside it is another one';
}
