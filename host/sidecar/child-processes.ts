import { readdirSync, readFileSync } from 'node:fs';

/** The processes that `pid` started and that are left, zombies too; none where the system does not tell. */
export function childProcesses(pid: number): readonly number[] {
  // Each thread has its own children.
  return listNumbers(`/proc/${pid}/task`).flatMap((thread) =>
    readText(`/proc/${pid}/task/${thread}/children`).split(' ').filter(Boolean).map(Number),
  );
}

/** More than any limit allows; a fork bomb is not followed to its end. */
const MAX_DESCENDANTS = 10_000;

/** What `pid` started and what that started; not what lost its parent, which becomes another's child. */
export function descendants(pid: number): readonly number[] {
  const found: number[] = [];
  const parents = [pid];
  for (let next = parents.pop(); next !== undefined && found.length < MAX_DESCENDANTS; next = parents.pop()) {
    const children = childProcesses(next);
    found.push(...children);
    parents.push(...children);
  }
  return found;
}

/** A process's number in the innermost namespace that it is in. */
export function innermostNumber(pid: number): number | undefined {
  const numbers = /^NSpid:\s*(.*)$/m.exec(readText(`/proc/${pid}/status`))?.[1]?.split(/\s+/);
  const last = numbers?.at(-1);
  return last === undefined ? undefined : Number(last);
}

function listNumbers(folder: string): readonly number[] {
  try {
    return readdirSync(folder).map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'latin1').trim();
  } catch {
    return '';
  }
}

/** A process and what it starts; `root` itself is not the plugin's where it is the init of a namespace. */
export interface ProcessTree {
  readonly root: number;
  readonly withRoot: boolean;
}

/** All of the tree that are left, as far as the host can tell: what lost its parent is still found under an init. */
export function treeMembers({ root, withRoot }: ProcessTree): readonly number[] {
  return withRoot ? [root, ...descendants(root)] : descendants(root);
}
