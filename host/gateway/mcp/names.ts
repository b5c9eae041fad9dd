import type { Upstream } from '../../upstream/upstream.js';

/** Between server and tool where several servers are one. */
export const SEPARATOR = '__';

export function joinName(server: string, name: string): string {
  return `${server}${SEPARATOR}${name}`;
}

/** The server and its own name behind a joined one. A server whose name begins like another's wins by length. */
export function splitName(
  upstreams: readonly Upstream[],
  joined: string,
): { readonly upstream: Upstream; readonly name: string } | undefined {
  let best: Upstream | undefined;
  for (const upstream of upstreams) {
    const longer = best === undefined || upstream.name.length > best.name.length;
    if (longer && joined.startsWith(`${upstream.name}${SEPARATOR}`)) best = upstream;
  }
  return best && { upstream: best, name: joined.slice(best.name.length + SEPARATOR.length) };
}

/** A resource whose URI another server has too: `<server>+<uri>`. Always understood, listed only on conflict. */
export function qualifyUri(server: string, uri: string): string {
  return `${server}+${uri}`;
}

export function splitUri(
  upstreams: readonly Upstream[],
  qualified: string,
): { readonly upstream: Upstream; readonly uri: string } | undefined {
  let best: Upstream | undefined;
  for (const upstream of upstreams) {
    const longer = best === undefined || upstream.name.length > best.name.length;
    if (longer && qualified.startsWith(`${upstream.name}+`)) best = upstream;
  }
  return best && { upstream: best, uri: qualified.slice(best.name.length + 1) };
}
