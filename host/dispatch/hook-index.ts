import { BulkheadError, ErrorCode, type Problem } from '@bulkhead/proto';
import { HOOKS, checkConditions, checkFields, type HookSpec } from '@bulkhead/proto/rules';
import type { CustomHookDeclaration, Mode } from '../manifest/manifest.js';
import type { SchemaCheck } from '../schemas/schema-check.js';
import { contextView, type ContextView } from './call-context.js';
import { compileConditions, subjectField, type Matcher } from './conditions.js';
import { compileCustomHooks, type PayloadCheck } from './custom-hooks.js';
import { compileFields } from './field-selection.js';
import type { DispatchEntry, PluginPort, Registration } from './port.js';
import { fieldsWithoutHeaders, type PayloadView } from './snapshot.js';

/** One plugin on one hook, with everything worked out that does not depend on the call. */
export interface Step {
  readonly port: PluginPort;
  readonly registration: Registration;
  readonly mode: Mode;
  /** undefined: always. */
  readonly matches: Matcher | undefined;
  readonly view: PayloadView;
  readonly contextView: ContextView;
  readonly writesHeaders: boolean;
  /** The request is refused when the plugin cannot answer. */
  readonly guards: boolean;
}

/** What happens on one hook. Within a phase the steps stand in the order in which they run. */
export interface HookPlan {
  readonly spec: HookSpec;
  /** For a custom hook: its schema. */
  readonly check: PayloadCheck | undefined;
  readonly withoutHeaders: readonly string[] | undefined;
  /** The payload field that says what the call is about, for example the tool's name. */
  readonly subject: string | undefined;
  /** Bound of each JSON field's text. */
  readonly maxFieldBytes: number;
  /** How long a call waits for all its audit runs together. */
  readonly auditBudgetMs: number;
  readonly sequential: readonly Step[];
  readonly transform: readonly Step[];
  readonly audit: readonly Step[];
  readonly concurrent: readonly Step[];
  readonly background: readonly Step[];
  /** Whether any phase has a step. */
  readonly busy: boolean;
  /** Whether some step runs whatever the payload is. */
  readonly certain: boolean;
}

export interface IndexLimits {
  readonly maxPayloadBytes: number;
  readonly maxPayloadBytesByHook: Readonly<Record<string, number>>;
  readonly auditBudgetMs: number;
}

/**
 * Builds the index from hook to what runs on it; done when the configuration changed, never per call.
 *
 * @throws BulkheadError CONFIG_INVALID with every fault: unknown hooks, conditions and fields that cannot apply
 */
export function buildIndex(
  entries: readonly DispatchEntry[],
  customHooks: readonly CustomHookDeclaration[],
  limits: IndexLimits,
  schemas: Pick<SchemaCheck, 'problems'>,
): ReadonlyMap<string, HookPlan> {
  const problems: Problem[] = [];
  const custom = compileCustomHooks(customHooks, problems, schemas);
  const specs = new Map<string, HookSpec>(Object.entries(HOOKS));
  for (const [name, { spec }] of custom) specs.set(name, spec);
  const steps = new Map<string, Step[]>();
  for (const { port, registrations } of entries) {
    for (const registration of registrations) {
      if (registration.mode === 'disabled') continue;
      const spec = specs.get(registration.hook);
      if (spec === undefined) {
        problems.push(unknownHook(port.name, registration.hook));
        continue;
      }
      const faults = checkRegistration(spec, registration, port.name);
      problems.push(...faults);
      if (faults.length > 0) continue;
      const list = steps.get(spec.name);
      const step = createStep(spec, port, registration);
      if (list === undefined) steps.set(spec.name, [step]);
      else list.push(step);
    }
  }
  if (problems.length > 0) {
    throw new BulkheadError(
      ErrorCode.CONFIG_INVALID,
      `the hooks of ${String(entries.length)} plugins could not be indexed: ${problems.map((each) => each.message).join('; ')}`,
      { problems },
    );
  }
  return new Map(
    [...specs.values()].map((spec) => [
      spec.name,
      createPlan(spec, custom.get(spec.name)?.check, steps.get(spec.name) ?? [], limits),
    ]),
  );
}

function unknownHook(plugin: string, hook: string): Problem {
  return {
    code: ErrorCode.CONFIG_INVALID,
    message: `plugin '${plugin}': no hook '${hook}' is known; declare it as a custom hook or correct its name`,
    path: `plugins.${plugin}.hooks.${hook}`,
  };
}

function checkRegistration(spec: HookSpec, registration: Registration, plugin: string): Problem[] {
  const at = (problem: Problem, key: string): Problem => ({
    ...problem,
    message: `plugin '${plugin}', hook '${spec.name}': ${problem.message}`,
    path: `plugins.${plugin}.hooks.${spec.name}.${key}${problem.path === undefined || problem.path === '' ? '' : `.${problem.path}`}`,
  });
  return [
    ...checkConditions(spec, registration.conditions).map((problem) => at(problem, 'conditions')),
    ...(registration.fields === undefined ? [] : checkFields(spec, registration.fields)).map((problem) =>
      at(problem, 'fields'),
    ),
  ];
}

function createStep(spec: HookSpec, port: PluginPort, registration: Registration): Step {
  const { mode } = registration;
  return {
    port,
    registration,
    mode,
    matches: compileConditions(registration.conditions),
    view: {
      headers: port.contextPermissions.has('read_headers'),
      selection: compileFields(spec, registration.fields),
    },
    contextView: contextView(port.contextPermissions),
    writesHeaders: port.contextPermissions.has('write_headers'),
    guards: registration.onError === 'fail' && (mode === 'sequential' || mode === 'concurrent'),
  };
}

function createPlan(
  spec: HookSpec,
  check: PayloadCheck | undefined,
  steps: readonly Step[],
  limits: IndexLimits,
): HookPlan {
  // The sort is stable, so equal priorities keep configuration order.
  const ordered = [...steps].sort((one, other) => one.registration.priority - other.registration.priority);
  const of = (mode: Mode): readonly Step[] => ordered.filter((step) => step.mode === mode);
  const byHook = limits.maxPayloadBytesByHook;
  return {
    spec,
    check,
    withoutHeaders: fieldsWithoutHeaders(spec),
    subject: subjectField(spec),
    maxFieldBytes:
      (Object.hasOwn(byHook, spec.name) ? byHook[spec.name] : undefined) ?? limits.maxPayloadBytes,
    auditBudgetMs: limits.auditBudgetMs,
    sequential: of('sequential'),
    transform: of('transform'),
    audit: of('audit'),
    concurrent: of('concurrent'),
    background: of('fire_and_forget'),
    busy: ordered.length > 0,
    certain: ordered.some((step) => step.matches === undefined),
  };
}
