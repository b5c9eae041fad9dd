// What steers a terminal, or turns the order of a text round.
const INVISIBLE = /[\p{Cc}\p{Cf}]/gu;

/** A text that somebody else wrote, as it may go to a terminal: what does not show is written out. */
export function visible(text: string): string {
  return text.replace(
    INVISIBLE,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}
