import type { ToolObject } from '@bulkhead/proto/rules';
import type { Clock } from '../clock.js';
import type { ActivePlugin } from '../lifecycle/active-plugin.js';
import { OBJECTS_CHANNEL } from '../objects/commit.js';
import type { ObjectCollection } from '../objects/objects.js';
import type { Store } from '../store/store.js';
import type { ExposedTool } from './contributed-tools.js';
import type { HttpClient } from './kinds/http-client.js';
import { httpTool } from './kinds/http-tool.js';
import type { ToolPolicies } from './policy.js';

export interface HttpToolsOptions {
  readonly store: Pick<Store, 'listen'>;
  readonly objects: Pick<ObjectCollection<ToolObject>, 'list'>;
  readonly http: HttpClient;
  readonly policies: () => ToolPolicies;
  /** Their names are theirs: an object whose id is one of them is left out. */
  readonly active: () => readonly ActivePlugin[];
  readonly clock: Clock;
  readonly log: { warn(fields: object, message: string): void };
}

/** The operations of HTTP tool objects, for clients that list and call tools by name. */
export interface HttpTools {
  /** Reads what changed since it was last read, on whichever host. Never rejects: when the store is away, what was read stays. */
  refresh(): Promise<void>;
  /** Those of active objects that policy does not deny, as they were read last. */
  exposed(): readonly ExposedTool[];
  /** Hears of each change of a tool object. Returns the function that unsubscribes. */
  subscribe(listener: () => void): () => void;
}

/** What is known is read again after so long, in milliseconds, though no change was heard of. */
const KEEP_MS = 10_000;
const PAGE_SIZE = 100;
/** When the store was away it is asked again after so long, in milliseconds. */
const AWAY_MS = 1_000;
/** Operations of all objects together; further ones are left out. */
const MAX_OPERATIONS = 1_000;

export function createHttpTools(options: HttpToolsOptions): HttpTools {
  const { store, objects, http, policies, active, clock, log } = options;
  let known: readonly ToolObject[] = [];
  let freshUntilMs = -Infinity;
  /** Differs when something was heard while it was read. */
  let changes = 0;
  let reading: Promise<void> | undefined;

  const forget = (): void => {
    changes += 1;
    freshUntilMs = -Infinity;
  };

  async function read(): Promise<void> {
    const at = changes;
    try {
      known = await readActive(objects, log);
      if (at === changes) freshUntilMs = clock.monotonic() + KEEP_MS;
    } catch (error) {
      freshUntilMs = clock.monotonic() + AWAY_MS;
      log.warn({ err: error }, 'tools: HTTP tool objects cannot be read; those that are known stay');
    }
  }

  return {
    async refresh() {
      if (clock.monotonic() < freshUntilMs) return;
      reading ??= read().finally(() => {
        reading = undefined;
      });
      await reading;
    },
    exposed() {
      const judge = policies();
      const taken = new Set(active().map(({ config }) => config.name));
      return known
        .filter(({ id }) => !taken.has(id))
        .flatMap((object) =>
          object.operations.flatMap((operation) => {
            const tool = httpTool(object, operation, http);
            return judge.shows(tool) ? [{ tool, declared: declarationOf(object, operation) }] : [];
          }),
        );
    },
    subscribe(listener) {
      const onChange = (payload: string): void => {
        if (!payload.startsWith('["tool",')) return;
        forget();
        listener();
      };
      // After a lost connection nobody knows what was said meanwhile.
      return store.listen(OBJECTS_CHANNEL, onChange, forget);
    },
  };
}

async function readActive(
  objects: HttpToolsOptions['objects'],
  log: HttpToolsOptions['log'],
): Promise<readonly ToolObject[]> {
  const read: ToolObject[] = [];
  let operations = 0;
  let pageToken: string | undefined;
  do {
    const page = await objects.list({
      filter: { kind: 'http', active: 'true' },
      pageSize: PAGE_SIZE,
      ...(pageToken === undefined ? {} : { pageToken }),
    });
    for (const object of page.items) {
      operations += object.operations.length;
      if (operations > MAX_OPERATIONS) {
        log.warn(
          { first: object.id },
          `tools: more than ${String(MAX_OPERATIONS)} operations of HTTP tools; the rest is in no list`,
        );
        return read;
      }
      read.push(object);
    }
    pageToken = page.nextPageToken;
  } while (pageToken !== undefined);
  return read;
}

function declarationOf(
  object: ToolObject,
  { name, description, input_schema: input, output_schema: output, effect }: ToolObject['operations'][number],
): ExposedTool['declared'] {
  return {
    name,
    description: description ?? object.description ?? '',
    input: input ?? { type: 'object' },
    ...(output === undefined ? {} : { output }),
    effect,
  };
}
