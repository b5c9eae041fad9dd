import type { Clock } from '../clock.js';
import type { BackgroundWork } from './background.js';
import type { PluginRecord } from './invocation.js';
import type { Rotation } from './rotation.js';
import type { Shadow } from './shadow.js';
import type { StateStore } from './state-store.js';
import type { WarnLimiter } from './warn-limiter.js';

/** What every phase works with; made once per dispatcher. */
export interface DispatchParts {
  readonly clock: Clock;
  readonly state: StateStore;
  readonly rotation: Rotation;
  readonly shadow: Shadow;
  readonly background: BackgroundWork;
  readonly warnings: WarnLimiter;
  /** Takes every record, those of background runs too; never throws. */
  readonly onRecord: (record: PluginRecord) => void;
}
