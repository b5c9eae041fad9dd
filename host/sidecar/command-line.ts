import type { LaunchDescription } from './sidecar.js';

/** A process to be started: what the operating system is told, and nothing besides. */
export interface CommandLine {
  readonly file: string;
  readonly args: readonly string[];
  /** The whole environment; nothing is added to it. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly stdio: readonly ['pipe', 'pipe', 'pipe'];
}

/** What a wall is built around. */
export interface LaunchPlace {
  /** The private directory of this launch. */
  readonly launchDir: string;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * The wall: turns a description into the command line that the process is started with. A stronger wall puts its
 * own program in front; whatever it does, the plugin still speaks on descriptors 0, 1 and 2.
 */
export type Wall = (description: LaunchDescription, place: LaunchPlace) => CommandLine;

/** The basic wall: the program itself, with the scrubbed environment, in a process group of its own. */
export const toCommandLine: Wall = (description, place) => {
  const [file, ...args] = description.command;
  return { file, args, env: place.env, cwd: description.cwd, stdio: ['pipe', 'pipe', 'pipe'] };
};
