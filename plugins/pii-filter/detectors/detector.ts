/** The kinds of personal data that are known, in the order of their claim on text that two of them match equally. */
export const DETECTOR_NAMES = ['card', 'iban', 'ssn', 'email', 'phone', 'ipv6', 'ipv4'] as const;

export type DetectorName = (typeof DETECTOR_NAMES)[number];

/** A part of a text, from `start` up to but without `end`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Finds one kind of personal data. Each runs in time linear in the text, whatever the text is. */
export interface Detector {
  /** A DetectorName, or what an operator called a pattern. */
  readonly name: string;
  /** Whether it also looks at numbers that stand in JSON as numbers. */
  readonly numbers: boolean;
  /**
   * Spans in ascending order, none inside another.
   *
   * @param label the name of the member that holds the text, in lower case, or '' where there is none
   */
  find(text: string, label: string): Span[];
  /** Whether it may match text without a digit and without an @. */
  readonly anyText?: boolean;
  /** Written in place of a match, whatever the strategy. */
  readonly replacement?: string;
  /** The value without the freedom that its spelling leaves: equal values give equal text. */
  canonical(value: string): string;
  /** The value with only so much of it left that a person who knows it recognises it. */
  partial(value: string): string;
}
