/** Reads members of a daemon's answer; one of another version may lack some, and the rest is shown all the same. */
export function memberAt(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
}

export function textAt(value: unknown, key: string): string {
  const member = memberAt(value, key);
  if (typeof member === 'string') return member;
  return typeof member === 'number' || typeof member === 'boolean' ? String(member) : '';
}

export function numberAt(value: unknown, key: string): number {
  const member = memberAt(value, key);
  return typeof member === 'number' ? member : 0;
}

export function listAt(value: unknown, key: string): readonly unknown[] {
  const member: unknown = memberAt(value, key);
  return Array.isArray(member) ? member : [];
}
