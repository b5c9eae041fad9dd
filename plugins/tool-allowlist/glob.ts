/**
 * Compiles a glob: `*` stands for any characters, none and slashes among them, `?` for exactly one; every other character
 * for itself, in its case. Not a path matcher on purpose: those give `.`, `/` and line breaks meanings by which a name
 * could slip past a deny list. Time is at most the product of the two lengths.
 */
export function compileGlob(glob: string): (text: string) => boolean {
  return (text) => {
    let at = 0;
    let position = 0;
    // Where to go on when the text after the last star does not fit: the star takes one character more.
    let star = -1;
    let taken = 0;
    while (position < text.length) {
      const sign = glob.charAt(at);
      if (sign === '*') {
        star = at;
        taken = position;
        at += 1;
      } else if (at < glob.length && (sign === '?' || sign === text.charAt(position))) {
        at += 1;
        position += 1;
      } else if (star >= 0) {
        at = star + 1;
        taken += 1;
        position = taken;
      } else return false;
    }
    while (glob.charAt(at) === '*') at += 1;
    return at === glob.length;
  };
}
