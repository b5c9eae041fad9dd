import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { CLI, type TestProject } from './project.test-support.js';

export interface TestDaemon {
  log(): string;
  stop(): Promise<void>;
}

/** Starts the daemon and waits until it says that it runs. */
export async function startDaemon(project: TestProject): Promise<TestDaemon> {
  const child = spawn(process.execPath, [CLI, 'start'], { cwd: project.folder, env: project.env });
  let text = '';
  const runs = Promise.withResolvers<void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (text.includes('Stop it with Ctrl-C')) runs.resolve();
    });
  }
  const exited = once(child, 'exit');
  void exited.then(() => {
    runs.reject(new Error(`the daemon ended:\n${text}`));
  });
  await runs.promise;
  return {
    log: () => text,
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}
