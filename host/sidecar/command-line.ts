import { programCommand } from './limits/program-command.js';
import type { PluginUsers } from './own-user/plugin-users.js';
import type { PluginProcess } from './plugin-process.js';
import type { LaunchDescription } from './sidecar.js';

/** What the started program finds on a descriptor above 2. */
export type Descriptor =
  /** These bytes, then the end. */
  | { readonly kind: 'data'; readonly bytes: Uint8Array }
  /** An open file or directory of the host's; closed in the host once the program has it. */
  | { readonly kind: 'open'; readonly descriptor: number }
  /** A way back; read through `PluginProcess.reports`. */
  | { readonly kind: 'report' };

/** A process to be started: what the operating system is told, and nothing besides. */
export interface CommandLine {
  readonly file: string;
  readonly args: readonly string[];
  /** The whole environment; nothing is added to it. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Descriptors from 3 on, in this order. Default: none. */
  readonly descriptors?: readonly Descriptor[];
  /** Takes back what was made for it, when it could not be started. */
  readonly discard?: () => Promise<void>;
  /** The plugin's process behind the started one, where those are two. Default: they are one. */
  readonly adopt?: (started: PluginProcess) => PluginProcess;
}

/** What a wall is built around. */
export interface LaunchPlace {
  /** The private directory of this launch. */
  readonly launchDir: string;
  /** Where the host's sockets for it are: the same, or a directory around it that the plugin may only pass through. */
  readonly socketsDir: string;
  /** The user and group that it runs as, its own; undefined: the host's. */
  readonly uid?: number;
  readonly env: Readonly<Record<string, string>>;
  /** Checks the package before it runs; see `LauncherOptions.verify`. */
  readonly verify?: (root: string) => Promise<void>;
}

export type WallKind = 'strict' | 'basic' | 'off';

/**
 * A wall around plugin processes. Whatever it puts in front of them, a plugin still speaks on descriptors 0, 1 and 2,
 * finds its launch directory under the path that the host uses, and is ended by the signals that the host sends.
 */
export interface Wall {
  readonly kind: WallKind;
  /** Nobody but host and plugin reaches the sockets in a launch directory, so they need no mTLS. */
  readonly privateSockets: boolean;
  /** Whom plugins run as; undefined: always the host's user. */
  readonly users?: PluginUsers;
  /**
   * The command line that starts the plugin behind this wall.
   *
   * @throws BulkheadError SANDBOX_UNAVAILABLE when it cannot be built around this plugin
   */
  enclose(description: LaunchDescription, place: LaunchPlace): Promise<CommandLine>;
}

/** No wall: the program itself, with the scrubbed environment, in a process group of its own. */
export const noWall: Wall = {
  kind: 'off',
  privateSockets: false,
  async enclose(description, place) {
    await place.verify?.(description.cwd);
    const [file, ...args] = programCommand(description);
    return { file, args, env: place.env, cwd: description.cwd };
  },
};
