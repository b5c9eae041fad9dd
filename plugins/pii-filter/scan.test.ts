import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DETECTOR_NAMES, type Detector, type DetectorName, type Span } from './detectors/detector.js';
import { scanText } from './scan.js';

const TEXT = '1'.repeat(40);

function finding(name: DetectorName, ...spans: readonly (readonly [number, number])[]): Detector {
  return {
    name,
    numbers: false,
    find: (): Span[] => spans.map(([start, end]) => ({ start, end })),
    canonical: (value) => value,
    partial: (value) => value,
  };
}

/** Findings with the detectors' names. */
function scan(...detectors: readonly Detector[]): unknown {
  return scanText(detectors, TEXT, '').map(({ detector, ...rest }) => ({ ...rest, detector: detector.name }));
}

describe('scanText', () => {
  it('keeps matches apart that only touch', () => {
    expect(scan(finding('card', [0, 5]), finding('phone', [5, 9]))).toEqual([
      { start: 0, end: 5, detector: 'card', exact: true },
      { start: 5, end: 9, detector: 'phone', exact: true },
    ]);
  });

  it('joins matches that overlap, under the name of the longest', () => {
    expect(scan(finding('card', [0, 6]), finding('phone', [4, 14]), finding('email', [13, 15]))).toEqual([
      { start: 0, end: 15, detector: 'phone', exact: false },
    ]);
  });

  it('gives equal matches to the detector with the better claim, and they stay exact', () => {
    expect(scan(finding('card', [0, 6]), finding('phone', [0, 6], [1, 3]))).toEqual([
      { start: 0, end: 6, detector: 'card', exact: true },
    ]);
  });

  it('covers every character of every match, in order and without overlap', () => {
    const span = fc
      .tuple(fc.nat(38), fc.integer({ min: 1, max: 10 }))
      .map(([from, size]) => [from, Math.min(40, from + size)] as const);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...DETECTOR_NAMES), span)), (matches) => {
        const findings = scanText(
          matches.map(([name, each]) => finding(name, each)),
          TEXT,
          '',
        );
        const covered = new Set(
          matches.flatMap(([, [from, to]]) => Array.from({ length: to - from }, (_, at) => from + at)),
        );
        const masked = findings.flatMap(({ start, end }) =>
          Array.from({ length: end - start }, (_, at) => start + at),
        );
        expect(masked).toEqual([...covered].toSorted((a, b) => a - b));
      }),
    );
  });
});
