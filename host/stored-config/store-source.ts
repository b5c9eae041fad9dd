import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { Clock } from '../clock.js';
import type { ReadStored } from '../config/stored.js';
import type { Store } from '../store/store.js';
import type { ConfigSeal } from './seal.js';
import { storedRevision } from './follow-store.js';
import { readStored } from './read-stored.js';

/** The store of a host whose configuration is partly in it: opened when the files have said where it is. */
export interface StoreSource {
  /** Reads what the store says of the configuration; opens it first, when it is not open yet. */
  readonly read: ReadStored;
  /** @throws INTERNAL before the first configuration was read */
  store(): Store;
  /** `storedRevision` from before the first configuration was read. */
  baseline(): string;
}

/**
 * @param open called once; asked again when it failed
 * @param seal opens what is sealed in the layer
 */
export function createStoreSource(
  clock: Clock,
  open: (places: Parameters<ReadStored>[0]) => Promise<Store>,
  seal: () => Pick<ConfigSeal, 'open'>,
): StoreSource {
  let opened: Store | undefined;
  let baseline = '';
  return {
    async read(places) {
      if (opened === undefined) {
        opened = await open(places);
        baseline = await storedRevision(opened);
      }
      return readStored(opened, places, clock, seal());
    },
    baseline: () => baseline,
    store() {
      if (opened !== undefined) return opened;
      throw new BulkheadError(ErrorCode.INTERNAL, 'the store is opened with the first configuration');
    },
  };
}
