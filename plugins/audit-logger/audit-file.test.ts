import { appendFile, chmod, mkdir, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AuditFile, type AuditFileOptions } from './audit-file.js';
import { linesOf, namesIn, withFolder } from './audit-file.test-support.js';

const START = Date.UTC(2026, 10, 21, 9, 0, 0);
const HOUR = 3_600_000;

function options(path: string, changes: Partial<AuditFileOptions> = {}): AuditFileOptions {
  return { path, maxBytes: 1e9, maxAgeMs: 24 * HOUR, keep: 3, sync: false, now: () => START, ...changes };
}

const line = (n: number, timeMs = START): string =>
  `{"time":"${new Date(timeMs).toISOString()}","n":${String(n)}}\n`;

describe('AuditFile', () => {
  it('makes a file that only its owner can read, in a folder of its own', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'deep', 'er', 'audit.jsonl');
      const file = new AuditFile(options(path));
      await file.append(Buffer.from(line(1)));
      await file.append(Buffer.from(line(2)));
      await file.close();
      expect((await stat(path)).mode & 0o777).toBe(0o600);
      expect((await stat(join(folder, 'deep'))).mode & 0o777).toBe(0o700);
      expect(await linesOf(path)).toMatchObject([{ n: 1 }, { n: 2 }]);
    }));

  it('closes a file of looser mode to others', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'audit.jsonl');
      await writeFile(path, line(1));
      await chmod(path, 0o644);
      const file = new AuditFile(options(path));
      await file.prepare();
      await file.close();
      expect((await stat(path)).mode & 0o777).toBe(0o600);
    }));

  it('follows no link and writes into nothing but a file', () =>
    withFolder(async (folder) => {
      await writeFile(join(folder, 'target'), '');
      await symlink(join(folder, 'target'), join(folder, 'link'));
      await expect(new AuditFile(options(join(folder, 'link'))).prepare()).rejects.toThrow('ELOOP');
      await mkdir(join(folder, 'folder'));
      await expect(new AuditFile(options(join(folder, 'folder'))).prepare()).rejects.toThrow('EISDIR');
      await expect(new AuditFile(options('/dev/full')).prepare()).rejects.toThrow('expected a regular file');
    }));

  it('takes away the torn tail of an earlier run, however long it is', () =>
    withFolder(async (folder) => {
      for (const [index, tail] of ['{"time":"2026', 'x'.repeat(200_000)].entries()) {
        const path = join(folder, `${String(index)}.jsonl`);
        await writeFile(path, line(1) + line(2) + tail);
        const file = new AuditFile(options(path));
        await file.append(Buffer.from(line(3)));
        await file.close();
        expect(await linesOf(path)).toMatchObject([{ n: 1 }, { n: 2 }, { n: 3 }]);
      }
    }));

  it('empties a file that holds nothing but a torn line', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'audit.jsonl');
      await writeFile(path, '{"time":"20');
      const file = new AuditFile(options(path));
      await file.prepare();
      await file.close();
      expect((await stat(path)).size).toBe(0);
    }));

  it('leaves whole lines, wherever the run before it was cut', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'audit.jsonl');
      const text = [1, 2, 3].map((n) => line(n)).join('');
      await fc.assert(
        fc.asyncProperty(fc.nat(text.length), async (cut) => {
          await writeFile(path, text.slice(0, cut));
          const file = new AuditFile(options(path));
          await file.append(Buffer.from(line(9)));
          await file.close();
          const whole = text.slice(0, cut).split('\n').length - 1;
          expect((await linesOf(path)).map(({ n }) => n)).toEqual([...[1, 2, 3].slice(0, whole), 9]);
        }),
        { numRuns: 20 },
      );
    }));

  it('sets the file aside before it grows past its size', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'audit.jsonl');
      const file = new AuditFile(options(path, { maxBytes: line(1).length * 2 }));
      for (const n of [1, 2, 3]) await file.append(Buffer.from(line(n)));
      await file.close();
      expect(await namesIn(folder)).toEqual(['audit.20261121T090000000Z.jsonl', 'audit.jsonl']);
      expect(await linesOf(join(folder, 'audit.20261121T090000000Z.jsonl'))).toHaveLength(2);
      expect(await linesOf(path)).toMatchObject([{ n: 3 }]);
    }));

  it('sets the file aside when its first line is too old, also after a restart', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'audit.jsonl');
      await writeFile(path, line(1, START - 23 * HOUR));
      let now = START;
      const file = new AuditFile(options(path, { now: () => now }));
      await file.append(Buffer.from(line(2)));
      expect(await namesIn(folder)).toEqual(['audit.jsonl']);
      now += HOUR;
      await file.append(Buffer.from(line(3)));
      await file.close();
      expect(await linesOf(path)).toMatchObject([{ n: 3 }]);
    }));

  it('keeps so many files and touches no other', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'audit.jsonl');
      await writeFile(join(folder, 'audit.notes.jsonl'), '');
      let now = START;
      const file = new AuditFile(options(path, { maxBytes: 1, keep: 2, now: () => now }));
      for (let n = 0; n < 6; n += 1) {
        await file.append(Buffer.from(line(n)));
        if (n > 2) now += 1;
      }
      await file.close();
      expect(await namesIn(folder)).toEqual([
        'audit.20261121T090000001Z.jsonl',
        'audit.20261121T090000002Z.jsonl',
        'audit.jsonl',
        'audit.notes.jsonl',
      ]);
    }));

  it('never overwrites a file that was set aside in the same millisecond', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'audit.jsonl');
      const file = new AuditFile(options(path, { maxBytes: 1, keep: 9 }));
      for (let n = 0; n < 4; n += 1) await file.append(Buffer.from(line(n)));
      await file.close();
      expect(await namesIn(folder)).toHaveLength(4);
    }));

  it('goes on in a new file when somebody moved the old one away', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'audit.jsonl');
      const file = new AuditFile(options(path));
      await file.append(Buffer.from(line(1)));
      await rename(path, join(folder, 'moved'));
      await file.append(Buffer.from(line(2)));
      await file.close();
      expect(await linesOf(path)).toMatchObject([{ n: 2 }]);
    }));

  it('appends behind what another process wrote meanwhile', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'audit.jsonl');
      const file = new AuditFile(options(path));
      await file.append(Buffer.from(line(1)));
      await appendFile(path, line(2));
      await file.append(Buffer.from(line(3)));
      await file.close();
      expect((await linesOf(path)).map(({ n }) => n)).toEqual([1, 2, 3]);
    }));
});
