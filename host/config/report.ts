import { ErrorCode, type Problem } from '@bulkhead/proto';
import { formatPath, type Keys, type SchemaProblem } from '@bulkhead/proto/rules/schema';
import { originAt, type Origin, type SourceTree } from '../manifest/source-tree.js';
import type { Notice } from './config.js';

/** Collects everything that is wrong with a configuration, or worth knowing, so that all of it is told at once. */
export interface Report {
  readonly problems: Problem[];
  readonly notices: Notice[];
  /** A fault at a place; file and line come from the tree, unless `origin` says otherwise. */
  problem(keys: Keys, message: string, code?: ErrorCode, origin?: Origin): void;
  /** A fault that a schema found in this document. */
  schemaProblem(problem: SchemaProblem, origin?: Origin): void;
  notice(code: string, keys: Keys, message: string, plugin?: string, origin?: Origin): void;
}

/** `tree` is asked anew each time, because it grows as layers are added. */
export function createReport(tree: () => SourceTree): Report {
  const place = (keys: Keys, origin: Origin | undefined): { file?: string; line?: number } => {
    const { file, line } = origin ?? originAt(tree(), keys);
    return { ...(file === undefined ? {} : { file }), ...(line === undefined ? {} : { line }) };
  };
  /** What no file says has no line to look at; whoever set it is the next best. */
  const told = (message: string, keys: Keys, origin: Origin | undefined): string => {
    const { by, at } = origin ?? originAt(tree(), keys);
    return by === undefined
      ? message
      : `${message} (set by ${by} at ${at ?? 'an unknown time'}, in the store)`;
  };
  const problems: Problem[] = [];
  const notices: Notice[] = [];
  return {
    problems,
    notices,
    problem(keys, message, code = ErrorCode.CONFIG_INVALID, origin) {
      const path = formatPath(keys);
      problems.push({
        code,
        message: told(message, keys, origin),
        ...(path === '' ? {} : { path }),
        ...place(keys, origin),
      });
    },
    schemaProblem({ keys, ...problem }, origin) {
      problems.push({
        ...problem,
        message: told(problem.message, keys, origin),
        ...place(keys, origin),
      });
    },
    notice(code, keys, message, plugin, origin) {
      notices.push({ code, message, ...(plugin === undefined ? {} : { plugin }), ...place(keys, origin) });
    },
  };
}
