import { expect, test } from 'vitest';
import type { JsonObject } from '@bulkhead/proto/json';
import { joinedList } from './joined-list.js';

type Upstreams = Parameters<typeof joinedList>[2]['upstreams'];

/** Upstreams that are only lists. */
function upstreams(pages: Readonly<Record<string, readonly (readonly string[])[] | Error>>): Upstreams {
  return Object.entries(pages).map(([name, list]) => ({
    name,
    state: { kind: 'ready' },
    capabilities: { tools: {} },
    async request(_method: string, params: JsonObject | undefined): Promise<JsonObject> {
      await Promise.resolve();
      if (list instanceof Error) throw list;
      const at = Number(params?.['cursor'] ?? 0);
      const next = at + 1 < list.length ? { nextCursor: String(at + 1) } : {};
      return { tools: (list[at] ?? []).map((tool) => ({ name: tool })), ...next };
    },
  })) as object[] as Upstreams;
}

async function readAll(list: Upstreams): Promise<{ names: string[]; pages: number; skipped: string[] }> {
  const names: string[] = [];
  const skipped: string[] = [];
  let cursor: string | undefined;
  let pages = 0;
  do {
    const page = await joinedList('tools/list', cursor, {
      upstreams: list,
      request: {},
      rename: (upstream, item) => ({ ...item, name: `${upstream.name}__${String(item['name'])}` }),
      onSkip: (upstream) => skipped.push(upstream.name),
    });
    names.push(...(page['tools'] as { name: string }[]).map(({ name }) => name));
    cursor = page['nextCursor'] as string | undefined;
    pages += 1;
  } while (cursor !== undefined);
  return { names, pages, skipped };
}

test('short lists of several servers are one page', async () => {
  const { names, pages } = await readAll(upstreams({ one: [['a'], ['b']], two: [['c']] }));
  expect(names).toEqual(['one__a', 'one__b', 'two__c']);
  expect(pages).toBe(1);
});

test('long lists are several pages, nothing lost and nothing twice', async () => {
  const many = Array.from({ length: 7 }, (_, page) =>
    Array.from({ length: 400 }, (__, item) => `${String(page)}-${String(item)}`),
  );
  const { names, pages } = await readAll(upstreams({ one: many, two: many }));
  expect(names).toHaveLength(5_600);
  expect(new Set(names).size).toBe(5_600);
  expect(pages).toBeGreaterThan(1);
});

test('a server that does not answer is left out, and said', async () => {
  const { names, skipped } = await readAll(upstreams({ one: new Error('down'), two: [['c']] }));
  expect(names).toEqual(['two__c']);
  expect(skipped).toEqual(['one']);
});

test.each(['', 'nonsense', Buffer.from('{"server":"gone"}').toString('base64url')])(
  'the cursor %j is refused',
  async (cursor) => {
    const options = {
      upstreams: upstreams({ one: [['a']] }),
      request: {},
      rename: (_: unknown, item: JsonObject) => item,
      onSkip: () => {},
    };
    await expect(joinedList('tools/list', cursor, options)).rejects.toMatchObject({ code: -32_602 });
  },
);

/** A list that answers as told, by cursor. */
function single(name: string, answer: (cursor: unknown) => JsonObject): Upstreams {
  const upstream = {
    name,
    state: { kind: 'ready' },
    capabilities: { tools: {} },
    async request(_method: string, params: JsonObject | undefined): Promise<JsonObject> {
      await Promise.resolve();
      return answer(params?.['cursor']);
    },
  };
  return [upstream] as object[] as Upstreams;
}

test('a server whose cursor leads round in a circle does not hide the next one', async () => {
  const circle = single('one', () => ({ tools: [{ name: 'a' }], nextCursor: 'again' }));
  const { names, pages } = await readAll([...circle, ...upstreams({ two: [['c']] })]);
  expect(names).toEqual(['one__a', 'one__a', 'two__c']);
  expect(pages).toBe(1);
});

test('a server that fails on a later page keeps what it gave, and the others theirs', async () => {
  const broken = single('one', (cursor) => {
    if (cursor !== undefined) throw new Error('down');
    return { tools: [{ name: 'a' }], nextCursor: 'more' };
  });
  const { names, skipped } = await readAll([...broken, ...upstreams({ two: [['c']] })]);
  expect(names).toEqual(['one__a', 'two__c']);
  expect(skipped).toEqual(['one']);
});
