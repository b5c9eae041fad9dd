/** What one page holds, in bytes of JSON text; one object at least. An object is up to 512 KB, and a page up to 1,000 of them. */
const MAX_PAGE_BYTES = 4_000_000;

/** How many of these objects a page holds, from the first. */
export function fittingPage(sizes: readonly number[]): number {
  let bytes = 0;
  const over = sizes.findIndex((size, index) => {
    bytes += size;
    return index > 0 && bytes > MAX_PAGE_BYTES;
  });
  return over < 0 ? sizes.length : over;
}
