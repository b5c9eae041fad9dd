import type { FieldKind, HookFamily } from '@bulkhead/proto/rules';
import type { Conditions, Mode, OnError } from '../manifest/manifest.js';
import type { HookPlan, Step } from './hook-index.js';
import type { Rotation } from './rotation.js';

export interface RegistrationDescription {
  readonly plugin: string;
  readonly id: string;
  readonly version: string;
  readonly mode: Mode;
  readonly priority: number;
  readonly onError: OnError;
  readonly timeoutMs: number;
  readonly conditions: readonly Conditions[];
  readonly fields?: readonly string[];
  /** Taken out of rotation by `on_error: disable`. */
  readonly disabled: boolean;
}

/** One hook as it is set up now. */
export interface HookDescription {
  readonly name: string;
  readonly family: HookFamily;
  readonly fields: readonly { readonly name: string; readonly kind: FieldKind; readonly writable: boolean }[];
  /** Bound of each JSON field's text. */
  readonly maxFieldBytes: number;
  /** In the order in which they run. */
  readonly registrations: readonly RegistrationDescription[];
}

export function describeHooks(
  index: ReadonlyMap<string, HookPlan>,
  rotation: Rotation,
): readonly HookDescription[] {
  return [...index.values()].map((plan) => ({
    name: plan.spec.name,
    family: plan.spec.family,
    fields: Object.entries(plan.spec.fields).map(([name, { kind, writable }]) => ({ name, kind, writable })),
    maxFieldBytes: plan.maxFieldBytes,
    registrations: [plan.sequential, plan.transform, plan.audit, plan.concurrent, plan.background]
      .flat()
      .map((step) => describeStep(step, rotation)),
  }));
}

function describeStep({ port, registration }: Step, rotation: Rotation): RegistrationDescription {
  const { mode, priority, onError, timeoutMs, conditions, fields } = registration;
  return {
    plugin: port.name,
    id: port.id,
    version: port.version,
    mode,
    priority,
    onError,
    timeoutMs,
    conditions,
    ...(fields === undefined ? {} : { fields }),
    disabled: rotation.isOut(port.name),
  };
}
