import { readdirSync } from 'node:fs';

let musl: boolean | undefined;

/** Whether the C library is musl: its loader is there. */
function isMusl(): boolean {
  if (process.platform !== 'linux') return false;
  if (musl === undefined) {
    try {
      musl = readdirSync('/lib').some((name) => name.startsWith('ld-musl-'));
    } catch {
      musl = false;
    }
  }
  return musl;
}

/** For example `linux-x64`, `linux-x64-musl`, `darwin-arm64`. */
export function platformName(): string {
  return `${process.platform}-${process.arch}${isMusl() ? '-musl' : ''}`;
}
