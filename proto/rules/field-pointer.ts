import { ErrorCode, type Problem } from '../errors.js';
import { HOOKS, isBuiltInHook, type HookSpec } from './hook-table.js';

/** The parts of a JSON pointer, unescaped; the part `*` stands for every member or item. */
export type FieldPointer = readonly string[];

/** A pointer of `fields`, or undefined when the text is none (RFC 6901, but not empty). */
export function parseFieldPointer(text: string): FieldPointer | undefined {
  if (!text.startsWith('/') || /~(?![01])/.test(text)) return undefined;
  return text
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/**
 * Checks the `fields` of a registration: `*`, or JSON pointers into the hook's main JSON field; on a custom hook a
 * pointer starts with the member.
 *
 * @returns every fault; `path` is the index in the list
 */
export function checkFields(hook: string | HookSpec, fields: readonly string[]): Problem[] {
  const spec = typeof hook === 'string' ? (isBuiltInHook(hook) ? HOOKS[hook] : undefined) : hook;
  const name = typeof hook === 'string' ? hook : hook.name;
  const fault = (message: string, path: string): Problem => ({
    code: ErrorCode.CONFIG_INVALID,
    message,
    path,
  });
  if (spec !== undefined && spec.family !== 'custom' && spec.mainField === undefined) {
    return [fault(`fields: ${name} has no JSON field that could be narrowed; leave fields out`, '')];
  }
  if (fields.length === 0) return [fault("fields: an empty list; expected '*' or JSON pointers", '')];
  return fields.flatMap((text, index) => {
    if (text === '*') return [];
    const pointer = parseFieldPointer(text);
    if (pointer === undefined) {
      return [fault(`fields: expected '*' or a JSON pointer such as /message, got '${text}'`, String(index))];
    }
    const [member] = pointer;
    if (spec?.family === 'custom' && member !== undefined && !Object.hasOwn(spec.fields, member)) {
      return [
        fault(
          `fields: ${name} has no member '${member}'; it has ${Object.keys(spec.fields).join(', ')}`,
          String(index),
        ),
      ];
    }
    return [];
  });
}
