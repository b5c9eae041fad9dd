/** Levels of arrays and objects in what is taken in; far below where writing it again would overflow the stack. */
export const MAX_JSON_DEPTH = 500;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Whether a JSON text nests deeper than `limit`. Reading a deep text is harmless, writing its value again is not. */
export function isDeeperThan(text: string, limit: number): boolean {
  // Each level needs two characters, so most texts need not be looked at.
  if (text.length <= limit * 2) return false;
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) at = endOfString(text, at);
    // [ is 0x5b, { is 0x7b; their closers are two more.
    else if ((unit | 0x20) === 0x7b) {
      depth += 1;
      if (depth > limit) return true;
    } else if ((unit | 0x20) === 0x7d) depth -= 1;
  }
  return false;
}

function endOfString(text: string, start: number): number {
  let at = text.indexOf('"', start + 1);
  while (at > 0 && isEscaped(text, at)) at = text.indexOf('"', at + 1);
  return at < 0 ? text.length : at;
}

function isEscaped(text: string, at: number): boolean {
  let before = at - 1;
  while (text.charCodeAt(before) === BACKSLASH) before -= 1;
  return (at - before) % 2 === 0;
}
