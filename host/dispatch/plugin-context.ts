import type { CallContext } from '@bulkhead/proto/plugin';
import type { PluginConfig } from '../config/config.js';
import { CallContexts, contextView } from './call-context.js';
import { contextPermissionsOf } from './entries.js';
import type { RequestContext } from './invocation.js';

/** What one plugin may know of a request, as a call outside any hook carries it. */
export function pluginContext(plugin: PluginConfig, context: RequestContext): CallContext {
  return new CallContexts(context.requestId ?? '', context).for(contextView(contextPermissionsOf(plugin)));
}
