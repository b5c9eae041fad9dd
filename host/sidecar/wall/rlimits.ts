import type { ResourceLimits } from '../sidecar.js';

/**
 * The command that sets what the kernel itself bounds per process or user, to be followed by the program; empty when
 * there is nothing to set. Memory is not among them: with a bound on address space Node does not start.
 *
 * @param prlimit the program; undefined where there is none
 * @param ownUser whether the plugin's user is its own, as in a user namespace; else a bound on processes would count
 *   those of others too
 * @param sharedBy how many processes of the plugin may run as that user at once: the kernel counts them together
 */
export function limitCommand(
  prlimit: string | undefined,
  limits: ResourceLimits | undefined,
  ownUser: boolean,
  sharedBy = 1,
): readonly string[] {
  if (prlimit === undefined || limits === undefined) return [];
  const { openFiles, processes, diskBytes } = limits;
  const options = [
    ...(openFiles === undefined ? [] : [`--nofile=${openFiles}`]),
    ...(processes === undefined || !ownUser ? [] : [`--nproc=${processes * sharedBy}`]),
    // One file cannot outgrow what the watchdog allows for all of them.
    ...(diskBytes === undefined ? [] : [`--fsize=${diskBytes}`]),
  ];
  return options.length === 0 ? [] : [prlimit, '--core=0', ...options, '--'];
}
