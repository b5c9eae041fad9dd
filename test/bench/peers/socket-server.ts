import { createServer } from 'node:net';

// Newline JSON, nothing else: what a bare socket can do.
createServer((socket) => {
  let rest = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    let out = '';
    for (const line of lines) {
      const request = JSON.parse(line) as { id: number };
      out += `${JSON.stringify({ id: request.id, allowed: true })}\n`;
    }
    socket.write(out);
  });
}).listen(process.argv[2], () => {
  process.stdout.write('listening\n');
});
