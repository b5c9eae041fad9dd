import type { ConfigSeal } from './seal.js';

/** No secret to anybody who looks twice, but not the value as it is; bound to its place. */
export const TEST_SEAL: ConfigSeal = {
  prepare: () => Promise.resolve(),
  sealer: () =>
    Promise.resolve((text, { entry, path }) =>
      Buffer.from(JSON.stringify([entry, path, text])).toString('base64'),
    ),
  open(sealed, { entry, path }) {
    const known: unknown = JSON.parse(Buffer.from(sealed, 'base64').toString());
    if (!Array.isArray(known) || JSON.stringify(known.slice(0, 2)) !== JSON.stringify([entry, path]))
      throw new Error('it belongs elsewhere');
    return String(known[2]);
  },
};
