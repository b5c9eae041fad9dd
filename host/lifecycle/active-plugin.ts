import type { PluginConfig } from '../config/config.js';
import type { LifecyclePort } from './plugin-calls.js';

/** A plugin that takes calls, with the configuration in force. */
export interface ActivePlugin {
  readonly config: PluginConfig;
  readonly port: LifecyclePort;
}
