/** A client of the protocol without a library: it sends and sees exact text. */
export interface RawClient {
  readonly sessionId: string;
  /** Sends one message as it is and gives the data of every event of the answer. */
  send(text: string): Promise<string[]>;
  /** The events of the standing stream; ends with the signal. */
  standing(signal: AbortSignal): Promise<AsyncIterable<string>>;
  delete(): Promise<number>;
}

const ACCEPT = 'application/json, text/event-stream';

export async function connectRaw(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<RawClient> {
  const common = { 'content-type': 'application/json', accept: ACCEPT, ...headers };
  const opening = await fetch(url, { method: 'POST', headers: common, body: initialize('{}') });
  if (!opening.ok) throw new Error(`${String(opening.status)} ${await opening.text()}`);
  const sessionId = opening.headers.get('mcp-session-id') ?? '';
  await opening.text();
  const own = { ...common, 'mcp-session-id': sessionId, 'mcp-protocol-version': '2025-06-18' };
  await fetch(url, {
    method: 'POST',
    headers: own,
    body: '{"jsonrpc":"2.0","method":"notifications/initialized"}',
  });
  return {
    sessionId,
    async send(text) {
      const response = await fetch(url, { method: 'POST', headers: own, body: text });
      return dataOf(await response.text());
    },
    async standing(signal) {
      const response = await fetch(url, { headers: { ...own, accept: 'text/event-stream' }, signal });
      return events(response);
    },
    async delete() {
      const response = await fetch(url, { method: 'DELETE', headers: own });
      await response.text();
      return response.status;
    },
  };
}

export function initialize(capabilities: string): string {
  return `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":${capabilities},"clientInfo":{"name":"text","version":"1"}}}`;
}

function dataOf(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('data: '))
    .map((line) => line.slice(6));
}

async function* events(response: Response): AsyncIterable<string> {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    const blocks = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) yield* dataOf(block);
  }
}
