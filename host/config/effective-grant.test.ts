import { permissionNames, permissionsOf, type Permissions } from '@bulkhead/proto/rules/schema';
import { describe, expect, it } from 'vitest';
import { effectiveGrant, type GrantPolicy } from './effective-grant.js';

const of = (...names: string[]): Permissions => permissionsOf(names);
const manifest = (...asked: string[]) => ({ id: 'com.example.a', permissions: of(...asked) });
const decided = (asked: readonly string[], granted: readonly string[]) => ({
  asked: of(...asked),
  granted: of(...granted),
});
const INSTALLED: GrantPolicy = { environment: 'production', placement: 'installed' };
const AUTHOR: GrantPolicy = { environment: 'development', placement: 'directory' };

function given(...question: Parameters<typeof effectiveGrant>): readonly string[] | string {
  const grant = effectiveGrant(...question);
  return grant.kind === 'missing' ? grant.message : permissionNames(grant.permissions);
}

const READ = 'services:kv.read';
const USER = 'context:read_user';

describe('effectiveGrant', () => {
  it.each<GrantPolicy>([
    INSTALLED,
    { environment: 'development', placement: 'installed' },
    { environment: 'production', placement: 'directory' },
    { environment: 'staging', placement: 'directory' },
  ])('without a decision gives nothing and starts nothing that asks for something: %o', (policy) => {
    expect(given(manifest(READ), undefined, policy)).toContain('nobody decided what of it is granted');
    expect(given(manifest(), undefined, policy)).toEqual([]);
  });

  it('gives a directory in development what it asks for, less what was refused', () => {
    expect(effectiveGrant(manifest(READ), undefined, AUTHOR)).toMatchObject({
      kind: 'granted',
      asAsked: true,
    });
    expect(given(manifest(READ, USER, 'subprocess'), decided([READ, USER], [READ]), AUTHOR)).toEqual([
      READ,
      'subprocess',
    ]);
    const half = decided(['filesystem:rw:/srv'], ['filesystem:ro:/srv']);
    expect(given(manifest('filesystem:rw:/srv'), half, AUTHOR)).toEqual(['filesystem:ro:/srv']);
  });

  it('gives what is asked and granted, and no more than either', () => {
    expect(given(manifest(READ), decided([READ, USER], [READ, USER]), INSTALLED)).toEqual([READ]);
    expect(given(manifest(READ, USER), decided([READ, USER], [USER]), INSTALLED)).toEqual([USER]);
  });

  it('does not start what asks for more than when it was decided', () => {
    const message = given(manifest(READ, 'services:kv.readwrite'), decided([READ], [READ]), INSTALLED);
    expect(message).toContain('asks for more than when its grant was decided: services:kv.readwrite');
  });

  it('takes what the configuration says for a decision, and for a limit of one', () => {
    const written = { context: ['read_user'] };
    expect(given(manifest(READ, USER), undefined, { ...INSTALLED, written })).toEqual([USER]);
    expect(given(manifest(READ, USER), decided([READ, USER], [READ]), { ...INSTALLED, written })).toEqual([
      READ,
    ]);
    const none = { services: [] };
    expect(
      given(manifest(READ, USER), decided([READ, USER], [READ, USER]), { ...INSTALLED, written: none }),
    ).toEqual([USER]);
    expect(given(manifest(READ, USER), undefined, { ...AUTHOR, written: none })).toEqual([USER]);
  });
});
