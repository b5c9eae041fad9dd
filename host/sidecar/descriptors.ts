import { closeSync, readFileSync, readdirSync } from 'node:fs';

const FD_INFO = '/proc/self/fdinfo';
/** O_CLOEXEC as the kernel prints it, in octal. */
const CLOSE_ON_EXEC = 0o2000000;
const LAST_STANDARD_DESCRIPTOR = 2;

/**
 * Closes every descriptor above 2 that whoever started the daemon left open for its children: without this a
 * plugin would get them too, because neither Node nor bubblewrap closes what it did not open. Node marks its own
 * close-on-exec, so one without the mark was inherited. Call it once, first thing in the daemon.
 *
 * @returns the descriptors closed; always empty where there is no /proc
 */
export function closeInheritedDescriptors(): number[] {
  const closed: number[] = [];
  for (const name of listDescriptors()) {
    const descriptor = Number(name);
    if (!Number.isInteger(descriptor) || descriptor <= LAST_STANDARD_DESCRIPTOR) continue;
    if (!isInherited(descriptor)) continue;
    try {
      closeSync(descriptor);
      closed.push(descriptor);
    } catch {
      // Closed in the meantime; that is what was wanted.
    }
  }
  return closed;
}

function listDescriptors(): string[] {
  try {
    return readdirSync(FD_INFO);
  } catch {
    return [];
  }
}

function isInherited(descriptor: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`${FD_INFO}/${descriptor}`, 'latin1'))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & CLOSE_ON_EXEC) === 0;
  } catch {
    // The descriptor with which the directory was listed is gone by now.
    return false;
  }
}
