import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { AuditFile } from './audit-file.js';
import { linesOf, withFolder } from './audit-file.test-support.js';

const KILLS = 8;

describe('kill -9', () => {
  it(
    'leaves no torn line behind the next start, and no gap in what was written',
    () =>
      withFolder(async (folder) => {
        const program = join(folder, 'program.mjs');
        await build({
          entryPoints: [join(import.meta.dirname, 'kill.test-support.ts')],
          outfile: program,
          bundle: true,
          platform: 'node',
          format: 'esm',
        });
        const path = join(folder, 'audit.jsonl');
        let next = 0;
        for (let kill = 1; kill <= KILLS; kill += 1) {
          const child = spawn(process.execPath, [program, path, String(next)], {
            stdio: ['ignore', 'pipe', 'inherit'],
          });
          const exited = once(child, 'exit');
          // Each time a little later: after so many batches the kill meets the writer somewhere else.
          for (let batches = 0; batches < kill;)
            batches += String((await once(child.stdout, 'data'))[0]).length;
          child.kill('SIGKILL');
          expect(await exited).toEqual([null, 'SIGKILL']);

          const file = new AuditFile({
            path,
            maxBytes: 1e12,
            maxAgeMs: 1e12,
            keep: 3,
            sync: false,
            now: () => 0,
          });
          await file.prepare();
          await file.close();
          const numbers = (await linesOf(path)).map(({ n }) => n);
          expect(numbers).toEqual(Array.from(numbers, (_, n) => n));
          expect(numbers.length).toBeGreaterThan(next);
          next = numbers.length;
        }
      }),
    60_000,
  );
});
