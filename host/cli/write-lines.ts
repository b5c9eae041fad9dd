import { open } from 'node:fs/promises';

const OWNER_ONLY = 0o600;

/** Writes lines into a new file that only its owner reads. @returns how many */
export async function writeLines(file: string, lines: AsyncIterable<string>): Promise<number> {
  const handle = await open(file, 'w', OWNER_ONLY);
  try {
    let count = 0;
    for await (const line of lines) {
      await handle.write(`${line}\n`);
      count += 1;
    }
    await handle.sync();
    return count;
  } finally {
    await handle.close();
  }
}
