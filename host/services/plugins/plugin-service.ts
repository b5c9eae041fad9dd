import { BulkheadError, ErrorCode } from '@bulkhead/proto';
import {
  CountPluginsRequest,
  CountPluginsResponse,
  CreatePendingPluginRequest,
  CreatePendingPluginResponse,
  GetPluginRequest,
  GetPluginResponse,
  ListPluginsRequest,
  ListPluginsResponse,
  PluginServiceDefinition,
  UpdatePluginConfigRequest,
  UpdatePluginConfigResponse,
  type PluginSummary,
} from '@bulkhead/proto/host';
import { isPlainObject } from '@bulkhead/proto/rules';
import { createHostMethods, type HostCall, type HostMethod } from '../../sidecar/host-method.js';
import { actorOf } from '../objects/object-service.js';
import { unary } from '../unary.js';
import type { PluginConfigWriter, WrittenConfig } from './config-writer.js';

export interface PluginParts {
  /** Every configured plugin, in configuration order. */
  readonly summaries: () => readonly PluginSummary[];
  /** Ids of the plugins that an entry may configure. */
  readonly mayConfigure: (entry: string) => readonly string[];
  readonly writer: PluginConfigWriter;
}

const DEFAULT_PAGE = 100;
const MAX_PAGE = 1_000;

export function createPluginMethods({ summaries, mayConfigure, writer }: PluginParts): readonly HostMethod[] {
  const find = (name: string): PluginSummary => {
    const found = summaries().find((summary) => summary.name === name);
    if (found !== undefined) return found;
    throw new BulkheadError(ErrorCode.NOT_FOUND, `no plugin '${name.slice(0, 100)}' is configured`);
  };
  const assertOwn = (summary: PluginSummary, { plugin }: HostCall): void => {
    if (mayConfigure(plugin.name).includes(summary.id)) return;
    throw new BulkheadError(
      ErrorCode.PERMISSION_DENIED,
      `plugin '${plugin.name}' may not configure '${summary.name}': its permissions name no '${summary.id}'`,
      { field: 'permissions.plugins' },
    );
  };
  return createHostMethods(PluginServiceDefinition, {
    listPlugins: unary(ListPluginsRequest, ListPluginsResponse, ({ pageSize, pageToken }) => {
      const size = pageSize === 0 ? DEFAULT_PAGE : pageSize;
      if (size > MAX_PAGE) {
        throw new BulkheadError(
          ErrorCode.INVALID_ARGUMENT,
          `page_size: expected 1 to ${String(MAX_PAGE)}, got ${String(size)}`,
          { field: 'page_size' },
        );
      }
      const sorted = summaries().toSorted((one, other) => (one.name < other.name ? -1 : 1));
      const left = sorted.filter(({ name }) => name > pageToken);
      const plugins = left.slice(0, size);
      return { plugins, nextPageToken: left.length > size ? (plugins.at(-1)?.name ?? '') : '' };
    }),
    getPlugin: unary(GetPluginRequest, GetPluginResponse, ({ name }) => ({ plugin: find(name) })),
    countPlugins: unary(CountPluginsRequest, CountPluginsResponse, () => {
      const byState: Record<string, number> = {};
      const all = summaries();
      for (const { state } of all) byState[state] = (byState[state] ?? 0) + 1;
      return { total: all.length, byState };
    }),
    createPendingPlugin: unary(
      CreatePendingPluginRequest,
      CreatePendingPluginResponse,
      async ({ name, plugin, configJson }, call) => {
        await writer.addPending(actorOf(call), { name, plugin, config: readConfig(configJson) });
        return { plugin: pending(name, plugin) };
      },
    ),
    updatePluginConfig: unary(
      UpdatePluginConfigRequest,
      UpdatePluginConfigResponse,
      async ({ name, configJson }, call) => {
        assertOwn(find(name), call);
        await writer.mergeConfig(actorOf(call), name, readConfig(configJson));
        return { plugin: find(name) };
      },
    ),
  });
}

function pending(name: string, plugin: string): PluginSummary {
  return {
    name,
    id: plugin,
    version: '',
    enabled: false,
    state: 'disabled',
    health: '',
    mode: '',
    hooks: [],
    maturity: '',
  };
}

function readConfig(text: string): WrittenConfig {
  let value: unknown;
  try {
    value = text === '' ? {} : JSON.parse(text);
  } catch {
    // Told below, with what is no object.
  }
  if (isPlainObject(value)) return value;
  throw new BulkheadError(ErrorCode.INVALID_ARGUMENT, 'config_json: expected the JSON text of an object', {
    field: 'config_json',
  });
}
