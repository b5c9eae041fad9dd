import { mkdir, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ResourceLimits } from '../sidecar.js';
import { createCell, sweepCells, type Cell, type RemoveDirectory } from './cell.js';
import {
  findCgroup,
  type CgroupFault,
  type Controller,
  type FindCgroupOptions,
  type FoundCgroup,
} from './find-cgroup.js';

/** The host's own cgroup, divided. */
export interface Cgroups {
  readonly kind: 'divided';
  readonly folder: string;
  /** What it holds. */
  readonly controllers: readonly Controller[];
  /** @throws Error of the file system when the kernel does not make one, or not with these limits */
  create(limits: ResourceLimits): Promise<Cell>;
}

export interface OpenCgroupsOptions extends FindCgroupOptions {
  readonly removeDirectory?: RemoveDirectory;
}

/**
 * Divides the host's own cgroup, when it is one of version 2 that was delegated to it: its folder and its list of
 * controllers are the host's to write. The host moves into a leaf of its own first, because processes and limits for
 * children do not go together in one. A host that was started in such a leaf stays there, and what else is there too.
 *
 * @returns why not, where there is none or others are in it; everything is as before then
 */
export async function openCgroups(options: OpenCgroupsOptions): Promise<Cgroups | CgroupFault> {
  const { pid, removeDirectory = rmdir } = options;
  const found = await findCgroup(options);
  if (found.kind === 'none') return found;
  const { folder } = found;
  try {
    const controllers = await divide(found, pid);
    await sweepCells(folder, removeDirectory);
    const held = new Set(controllers);
    return {
      kind: 'divided',
      folder,
      controllers,
      create: (limits) => createCell(folder, held, limits, removeDirectory),
    };
  } catch (error) {
    await moveBack(found, pid, removeDirectory);
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    return { kind: 'none', found: `v2, delegated at ${folder}, and it cannot be divided (${code})` };
  }
}

type Delegated = Exclude<FoundCgroup, CgroupFault>;

/** @returns the controllers that the kernel gave; memory is always among them */
async function divide(
  { folder, leaf, inLeaf, controllers }: Delegated,
  pid: number,
): Promise<readonly Controller[]> {
  if (!inLeaf) {
    await mkdir(leaf, { recursive: true });
    await writeFile(join(leaf, 'cgroup.procs'), String(pid));
  }
  const given: Controller[] = [];
  for (const controller of controllers) {
    try {
      await writeFile(join(folder, 'cgroup.subtree_control'), `+${controller}`);
      given.push(controller);
    } catch (error) {
      // Another may be refused for reasons of its own: processors, where something runs in real time.
      if (controller === 'memory') throw error;
    }
  }
  return given;
}

async function moveBack(
  { folder, leaf, inLeaf }: Delegated,
  pid: number,
  removeDirectory: RemoveDirectory,
): Promise<void> {
  if (inLeaf) return;
  try {
    await writeFile(join(folder, 'cgroup.procs'), String(pid));
    await removeDirectory(leaf);
  } catch {
    // It stays in the leaf, which has no limits.
  }
}
