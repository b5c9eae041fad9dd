import { once } from 'node:events';
import { connect } from 'node:net';
import type { Subject } from '../measure.ts';
import { payload } from '../payload.ts';
import { startPeer } from './child.ts';

/** Newline JSON over a bare Unix socket; requests of one turn share a write. */
export async function connectSocket(): Promise<Subject> {
  const peer = await startPeer('socket-server.ts');
  const socket = connect(peer.socket);
  await once(socket, 'connect');
  const waiting = new Map<number, (answer: unknown) => void>();
  let rest = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const answer = JSON.parse(line) as { id: number };
      waiting.get(answer.id)?.(answer);
      waiting.delete(answer.id);
    }
  });
  let nextId = 0;
  let out = '';
  return {
    call: async () =>
      new Promise((resolve) => {
        nextId += 1;
        waiting.set(nextId, resolve);
        if (out === '') {
          process.nextTick(() => {
            socket.write(out);
            out = '';
          });
        }
        out += `${JSON.stringify({ id: nextId, hook: 'tool_pre_invoke', payload })}\n`;
      }),
    async close() {
      socket.destroy();
      await peer.stop();
    },
  };
}
