import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import type { WallKind } from '../command-line.js';
import type { SandboxProbe } from './probe-sandbox.js';

export type SandboxSetting = 'auto' | 'strict' | 'basic' | 'off';

/** The wall that plugins get, and why, for people. */
export interface ChosenWall {
  readonly kind: WallKind;
  readonly why: string;
  /** Whom plugins run as, and why, where root runs the host. */
  readonly users?: string;
}

/**
 * Which wall a host puts around its plugins. In production `auto` is strict or nothing: a weaker wall is an operator's
 * written word, never what is left when the stronger one fails.
 *
 * @throws BulkheadError SANDBOX_UNAVAILABLE when what is wanted is not to be had; CONFIG_INVALID for `off` in production
 */
export function chooseWall(setting: SandboxSetting, environment: string, probe: SandboxProbe): ChosenWall {
  const production = environment === 'production';
  switch (setting) {
    case 'off':
      if (production) {
        throw new BulkheadError(
          ErrorCode.CONFIG_INVALID,
          "host.sandbox: 'off' is refused in production; write auto, strict or basic, or name another environment",
          { field: 'host.sandbox' },
        );
      }
      return { kind: 'off', why: 'host.sandbox is off' };
    case 'basic':
      return { kind: 'basic', why: 'host.sandbox is basic' };
    case 'strict':
    case 'auto':
      if (probe.kind === 'works') {
        const why = setting === 'strict' ? 'host.sandbox is strict' : 'host.sandbox is auto';
        return { kind: 'strict', why: `${why}, ${probe.version} works here` };
      }
      if (setting === 'auto' && !production) {
        return { kind: 'basic', why: `host.sandbox is auto, and strict is not to be had: ${probe.found}` };
      }
      throw new BulkheadError(
        ErrorCode.SANDBOX_UNAVAILABLE,
        `host.sandbox is ${setting}${setting === 'auto' ? ', which in production means strict' : ''}, and ${probe.found}; ` +
          `${probe.fix}. host.sandbox: basic is weaker and has to be written out`,
        { field: 'host.sandbox', details: { found: probe.found, fix: probe.fix } },
      );
  }
}
