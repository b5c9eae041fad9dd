import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BulkheadError, ErrorCode } from '@bulkhead/proto';

/** A configuration that starts as it is; every line that is off shows a default or an example. */
export const STARTER_CONFIG = `# Bulkhead's configuration. \`bulkhead config check\` tells what is wrong with it, \`bulkhead config explain <plugin>\`
# where each value comes from, and \`bulkhead config schema\` prints the schema for your editor.

# \`production\` when unset. \`development\` lets local callers in without an app key.
environment: development

# Where it listens; both only on this machine unless you say otherwise.
# listen:
#   data: { address: 127.0.0.1:7410 }
#   control: { address: 127.0.0.1:7411 }

# The MCP servers behind /mcp. Tools appear there as <server>__<tool>.
mcp_servers: {}
#  files:
#    command: npx
#    args: [-y, '@modelcontextprotocol/server-filesystem', /srv/shared]
#  search:
#    url: https://search.example/mcp

# The plugins, in order. An entry's name, or its \`plugin:\`, says which plugin it is: an id, a package name, a manifest's
# name, or a directory that starts with ./
plugins: {}
#  pii_filter:
#    mode: sequential          # may change and refuse; what it guards is refused while it is down
#    priority: 50              # ascending; default 100
#    hooks: [tool_pre_invoke, tool_post_invoke]
#    conditions:
#      - { tools: ['files/*'] }
#    config: {}
`;

/**
 * Writes a bulkhead.yaml into a directory, which is made if need be.
 *
 * @returns the path written
 * @throws USAGE when there is one already
 */
export async function writeStarterConfig(directory: string): Promise<string> {
  const file = join(directory, 'bulkhead.yaml');
  await mkdir(directory, { recursive: true });
  try {
    await writeFile(file, STARTER_CONFIG, { flag: 'wx' });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    throw new BulkheadError(ErrorCode.USAGE, `${file} exists. Move it away, or name another directory.`);
  }
  return file;
}
