import type { BulkheadError } from '@bulkhead/proto';
import type { Manifest } from '../manifest/manifest.js';

/** What somebody with a say answers to what a plugin asks for. */
export type ConsentAnswer =
  | {
      readonly kind: 'granted';
      /** Writes the decision down; called once the plugin is in its place. */
      readonly record: () => Promise<void>;
    }
  | { readonly kind: 'refused'; readonly error: BulkheadError };

/** Shows a plugin's wishes to whoever decides, and takes the answer; what was granted before needs no second asking. */
export type Consent = (manifest: Manifest) => Promise<ConsentAnswer>;
