import { startAskingHost, type Asked } from './asking.ts';
import { median, percentile } from './measure.ts';

/** Gets of the neighbour: a few at once, with pauses, well within the default budget. */
const NEIGHBOUR = { inFlight: 4, pauseMs: 1 };
/** The culprit's operations a second. */
const CULPRIT_PER_SECOND = 100;
/** More than the host lets wait for their refusal, so that the others are refused at once and asked again. */
const CULPRIT_IN_FLIGHT = 1_200;
/** The culprit goes on for so long after the neighbour was measured beside it. */
const OVERLAP_MS = 100;

export interface Hammered {
  /** The neighbour's, the median of the rounds each way. */
  readonly quietP50Us: number;
  readonly quietP99Us: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** p99 beside the culprit to p99 without it, the median of the rounds: each has both. */
  readonly ratio: number;
  /** Of the culprit's calls, a second. */
  readonly answeredPerSecond: number;
  readonly refusedPerSecond: number;
}

/** KV gets of a plugin that keeps to its budget, without and beside one that asks as fast as it can, far past its own. */
export async function measureHammered(rounds: number, durationMs: number): Promise<Hammered> {
  const host = await startAskingHost({ neighbour: undefined, culprit: CULPRIT_PER_SECOND });
  const ask = (): Promise<Asked> => host.ask('neighbour', 'link', { ...NEIGHBOUR, durationMs });
  await ask();
  const taken: { readonly quiet: Asked; readonly beside: Asked; readonly culprit: Asked }[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const quiet = await ask();
    const hammering = host.ask('culprit', 'link', {
      inFlight: CULPRIT_IN_FLIGHT,
      durationMs: durationMs + OVERLAP_MS,
    });
    const beside = await ask();
    const culprit = await hammering;
    taken.push({ quiet, beside, culprit });
  }
  await host.close();
  const us = (asked: (round: (typeof taken)[number]) => Asked, share: number): number =>
    Math.round(median(taken.map((round) => shareMs(asked(round), share))) * 1_000);
  const perSecond = (count: (culprit: Asked) => number): number =>
    Math.round(median(taken.map(({ culprit }) => (count(culprit) * 1_000) / culprit.elapsedMs)));
  return {
    quietP50Us: us(({ quiet }) => quiet, 0.5),
    quietP99Us: us(({ quiet }) => quiet, 0.99),
    p50Us: us(({ beside }) => beside, 0.5),
    p99Us: us(({ beside }) => beside, 0.99),
    ratio:
      Math.round(
        median(taken.map(({ quiet, beside }) => shareMs(beside, 0.99) / shareMs(quiet, 0.99))) * 10,
      ) / 10,
    answeredPerSecond: perSecond(({ latenciesMs }) => latenciesMs.length),
    refusedPerSecond: perSecond(({ refused }) => refused),
  };
}

function shareMs({ latenciesMs }: Asked, share: number): number {
  return percentile(
    latenciesMs.toSorted((a, b) => a - b),
    share,
  );
}
