import type { ActivePlugin } from '../lifecycle/active-plugin.js';
import type { SchemaCheck } from '../schemas/schema-check.js';
import type { Audit } from '../telemetry/audit.js';
import { createCommands, type Commands } from './commands.js';
import { createPluginRoutes, type PluginRoutes } from './routes.js';
import { createPluginRpc, type PluginRpc } from './rpc.js';

/** What plugins add for people and programs, besides tools. */
export interface PluginContributions {
  readonly commands: Commands;
  readonly routes: PluginRoutes;
  readonly rpc: PluginRpc;
}

export function createPluginContributions(
  active: () => readonly ActivePlugin[],
  audit: Pick<Audit, 'note'>,
  schemas: Pick<SchemaCheck, 'problems'>,
): PluginContributions {
  return {
    commands: createCommands(active, schemas),
    routes: createPluginRoutes(active),
    rpc: createPluginRpc(active, audit, schemas),
  };
}
